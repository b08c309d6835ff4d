//! Which spawner it is, and what its class says.

use super::{Folder, record, shown};
use swarmgen::import::recording::Kind;

#[test]
fn spawners_are_known_by_name_and_by_class() {
    for (line, kind) in [
        ("c.JupyterHub.spawner_class = 'jhub.SwarmSpawner'", Kind::Swarm),
        ("c.JupyterHub.spawner_class = 'swarm'", Kind::Swarm),
        ("c.JupyterHub.spawner_class = 'cassinyspawner.SwarmSpawner'", Kind::Cassiny),
        ("c.JupyterHub.spawner_class = 'dockerspawner.SwarmSpawner'", Kind::DockerSwarm),
        ("c.JupyterHub.spawner_class = 'docker-swarm'", Kind::DockerSwarm),
        ("c.JupyterHub.spawner_class = 'docker'", Kind::Docker),
        ("c.JupyterHub.spawner_class = 'dockerspawner.DockerSpawner'", Kind::Docker),
        ("c.JupyterHub.spawner_class = 'simple'", Kind::Other),
        ("c.JupyterHub.spawner_class = 'nobody.knows.Spawner'", Kind::Other),
        ("from jhub.swarmspawner import SwarmSpawner\nc.JupyterHub.spawner_class = SwarmSpawner", Kind::Swarm),
        ("import jhub\nc.JupyterHub.spawner_class = jhub.SwarmSpawner", Kind::Swarm),
        ("from dockerspawner import SwarmSpawner\nc.JupyterHub.spawner_class = SwarmSpawner", Kind::DockerSwarm),
        (
            "import dockerspawner\nclass S(dockerspawner.SwarmSpawner): pass\nc.JupyterHub.spawner_class = S",
            Kind::DockerSwarm,
        ),
    ] {
        let spawner = record(line).spawner.unwrap();
        assert_eq!(spawner.kind(), kind, "{line}: {spawner:?}");
        assert_eq!(spawner.origin.line as usize, line.lines().count(), "{line}");
    }
    assert_eq!(record("c.SwarmSpawner.networks = ['a']").spawner, None);
}

/// A spawner of the operator's own.
const OWN: &str = "from jhub import SwarmSpawner
from traitlets import List, Unicode, default


class MySpawner(SwarmSpawner):
    networks = ['class']
    images = [{'image': 'class'}]
    course = Unicode('physics').tag(config=True)
    extra = List(default_value=['x'], config=True)
    _private = 1

    @default('options_form')
    def _options(self):
        return ''

    async def start(self):
        return await super().start()


c.JupyterHub.spawner_class = MySpawner
c.Spawner.notebook_dir = '/base'
c.SwarmSpawner.notebook_dir = '/swarm'
c.MySpawner.start_timeout = 60
c.SwarmSpawner.start_timeout = 50
c.SwarmSpawner.networks = ['config']
c.SwarmSpawner.images.append({'image': 'config'})
c.DockerSpawner.image = 'unused'
";

#[test]
fn a_class_of_the_operators_own_counts_unless_the_config_says_otherwise() {
    let recording = record(OWN);
    assert_eq!(
        shown(&recording),
        [
            "MySpawner.course = 'physics' @ config.py:8",
            "MySpawner.extra = ['x'] @ config.py:9",
            "MySpawner._options = function `_options` @ config.py:13",
            "MySpawner.start = function `start` @ config.py:16",
            "JupyterHub.spawner_class = class `MySpawner` @ config.py:20",
            "SwarmSpawner.notebook_dir = '/swarm' @ config.py:22",
            "MySpawner.start_timeout = 60 @ config.py:23",
            "SwarmSpawner.networks = ['config'] @ config.py:25",
            "SwarmSpawner.images = [{'image': 'class'}, {'image': 'config'}] @ config.py:26",
            "DockerSpawner.image = 'unused' @ config.py:27",
        ]
    );
    let spawner = recording.spawner.as_ref().unwrap();
    assert_eq!((spawner.name.as_str(), spawner.kind()), ("MySpawner", Kind::Swarm));
    assert_eq!(spawner.class_origin.as_ref().unwrap().line, 5);
    let renamed = recording.settings_for_translation();
    assert_eq!(renamed[6].class, "SwarmSpawner");
    assert_eq!(renamed[9].class, "DockerSpawner");
}

#[test]
fn a_class_in_a_module_of_its_own_is_found() {
    let folder = Folder::bare(&[
        ("config.py", "c.JupyterHub.spawner_class = 'mine.Spawner2'\nc.Spawner2.networks = ['a']\n"),
        (
            "mine.py",
            "from cassinyspawner import SwarmSpawner\n\nclass Spawner2(SwarmSpawner):\n    service_port = 9000\n",
        ),
    ]);
    let recording = folder.recording();
    assert_eq!(shown(&recording)[0], "Spawner2.service_port = 9000 @ mine.py:4");
    assert_eq!(recording.spawner.as_ref().unwrap().kind(), Kind::Cassiny);
    assert_eq!(recording.settings_for_translation()[0].class, "SwarmSpawner");
}

#[test]
fn a_spawner_of_an_unknown_package_goes_by_its_name() {
    let spawner = record("c.JupyterHub.spawner_class = 'our.fork.SwarmSpawner'").spawner.unwrap();
    assert_eq!(spawner.kind(), Kind::Swarm);
}
