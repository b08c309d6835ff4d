//! Values that are no plain ones: objects of packages, installed or not, and what no config can hold.

use super::{Folder, record, shown, value};
use swarmgen::import::value::{Object, Py};

fn text(text: &str) -> Py {
    Py::Str(text.to_owned())
}

/// A config whose objects come from packages.
const OBJECTS: &str = "from docker.types import Mount, DriverConfig, Healthcheck
import docker
from jhub.mount import SSHFSMounter
c.SwarmSpawner.container_spec = {
    'mounts': [
        Mount('/data', 'data', type='volume', driver_config=DriverConfig('local', {'o': 'x'})),
        docker.types.Mount(target='/b', source='b'),
        SSHFSMounter({'source': '', 'target': '/s'}),
    ],
    'healthcheck': Healthcheck(test='true', interval=5),
}
";

/// A small docker and jhub, as the real ones are made.
const PACKAGES: &[(&str, &str)] = &[
    ("config.py", OBJECTS),
    ("installed/docker/__init__.py", "from docker import types\n"),
    ("installed/docker/types/__init__.py", "from .services import DriverConfig, Healthcheck, Mount\n"),
    (
        "installed/docker/types/services.py",
        "class DriverConfig(dict):
    def __init__(self, name, options=None):
        self['Name'] = name
        self['Options'] = options


class Mount(dict):
    def __init__(self, target, source, type='volume', driver_config=None):
        self['Target'] = target
        self['Source'] = source
        self['Type'] = type


class Healthcheck(dict):
    def __init__(self, **kwargs):
        super().__init__(Test=['CMD-SHELL', kwargs.get('test')], Interval=kwargs.get('interval'))
",
    ),
    ("installed/jhub/__init__.py", ""),
    (
        "installed/jhub/mount.py",
        "class SSHFSMounter:\n    def __init__(self, config):\n        self._mount_config = config\n",
    ),
];

#[test]
fn objects_tell_how_they_were_made_whether_installed_or_not() {
    let missing = record(OBJECTS);
    assert_eq!(missing.stood_in_for, ["docker", "docker.types", "jhub", "jhub.mount"]);
    let installed = Folder::installed(PACKAGES).recording();
    assert!(installed.stood_in_for.is_empty());
    assert_eq!(missing.settings[0].value, installed.settings[0].value);
    let mounts = missing.settings[0].value.get("mounts").and_then(Py::as_items).unwrap();
    let Py::Object(Object { class, args, kwargs }) = &mounts[0] else { panic!("{mounts:?}") };
    assert_eq!((class.as_str(), args.as_slice()), ("Mount", [text("/data"), text("data")].as_slice()));
    assert_eq!(kwargs[0], ("type".to_owned(), text("volume")));
    let Py::Object(mounter) = &mounts[2] else { panic!("{mounts:?}") };
    assert_eq!(mounter.class, "SSHFSMounter");
    assert_eq!(mounter.args[0].get("target"), Some(&text("/s")));
}

#[test]
fn installed_objects_that_were_changed_tell_what_the_engine_would_get() {
    let config = "from docker.types import Mount\nm = Mount('/a', 'a')\nm['ReadOnly'] = True\nc.A.b = m\n";
    let mut files = PACKAGES.to_vec();
    files[0] = ("config.py", config);
    let Py::Object(mount) = Folder::installed(&files).recording().settings[0].value.clone() else { panic!() };
    assert_eq!(mount.class, "Mount");
    assert_eq!(mount.args, []);
    let names: Vec<&str> = mount.kwargs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Target", "Source", "Type", "ReadOnly"]);
}

#[test]
fn the_real_docker_package_is_as_ours() {
    let folder = Folder::with(&[(
        "config.py",
        &OBJECTS.replace("from jhub.mount import SSHFSMounter\n", "SSHFSMounter = dict\n"),
    )]);
    let recording = folder.recording();
    if recording.stood_in_for.is_empty() {
        let value = recording.settings[0].value.clone();
        assert!(
            matches!(value.get("healthcheck"), Some(Py::Object(object)) if object.kwargs[0].0 == "test"),
            "{value:?}"
        );
    }
}

#[test]
fn objects_of_the_operators_own_classes_count_as_what_they_are_derived_from() {
    let config = "from docker.types import Mount
class Data(Mount):
    def __init__(self, name):
        super().__init__('/' + name, name)
c.A.b = Data('data')
";
    let Py::Object(mount) = value(config) else { panic!() };
    assert_eq!((mount.class.as_str(), mount.args), ("Mount", vec![text("/data"), text("data")]));
}

#[test]
fn plain_values_are_plain() {
    let recording = record(
        "import pathlib, collections, enum
class Level(str, enum.Enum):
    HIGH = 'high'
c.A.path = pathlib.Path('/srv') / 'x'
c.A.ordered = collections.OrderedDict(a=1)
c.A.default = collections.defaultdict(list, b=[True, None])
c.A.level = Level.HIGH
c.A.pair = ('a', -0.5)
c.A.text = 'ä\\n\\x00\\U0001f600'
c.A.big = 2 ** 63 - 1
c.A.keys = {1: 'int', None: 'none'}
",
    );
    let values: Vec<String> = recording.settings.iter().map(|setting| setting.value.repr()).collect();
    assert_eq!(
        values,
        [
            "'/srv/x'",
            "{'a': 1}",
            "{'b': [True, None]}",
            "'high'",
            "('a', -0.5)",
            "'ä\\n\\0😀'",
            "9223372036854775807",
            "{1: 'int', None: 'none'}",
        ]
    );
}

#[test]
fn what_no_config_can_hold_is_named_and_never_shown() {
    let recording = record(
        "import os
secret = 'canary'
def hook(spawner): pass
class Thing:
    def method(self): pass
    def __repr__(self): return secret
loop = []
loop.append(loop)
deep = 1
for _ in range(100): deep = [deep]
c.A.values = [
    hook, lambda: 1, Thing, Thing(), Thing().method, os, b'canary', {1}, 2 ** 63, float('nan'), loop,
    '\\ud800', open, range(3), 1j, os.environ,
]
c.A.deep = deep
c.A.large = ['x'] * 300000
c.A.after = 1
",
    );
    assert!(!format!("{recording:?}").contains("canary"));
    let values = recording.settings[0].value.as_items().unwrap().iter().map(Py::repr).collect::<Vec<_>>();
    assert_eq!(
        values,
        [
            "function `hook`",
            "a lambda",
            "class `Thing`",
            "an object of class `Thing`",
            "method `method`",
            "module `os`",
            "bytes",
            "a set",
            "an integer beyond 64 bits",
            "a float that is no finite number",
            "[a value that holds itself]",
            "text that is not Unicode",
            "function `open`",
            "an object of class `range`",
            "a complex number",
            "an object of class `_Environ`",
        ]
    );
    assert!(recording.settings[1].value.repr().contains("[nested too deep]"));
    assert!(format!("{:?}", recording.settings[2].value).contains("too large to import"));
    assert_eq!(recording.settings[3].value, Py::Int(1));
}

#[test]
fn what_missing_packages_would_give_is_not_made_up() {
    let recording = record(
        "from jupyter_client.localinterfaces import public_ips
import docker, jupyterhub, netifaces
from traitlets import Unicode, default
c.JupyterHub.hub_ip = public_ips()[0]
c.JupyterHub.url = 'http://%s:8081' % public_ips()[0]
c.JupyterHub.other = f'{netifaces.ifaddresses(\"eth0\")[2][0][\"addr\"]}'
c.JupyterHub.ok = jupyterhub.version_info >= (1, 0)
c.JupyterHub.network = docker.from_env().networks.get('x').id
for ip in public_ips():
    c.JupyterHub.never = ip
",
    );
    assert_eq!(
        shown(&recording),
        [
            "JupyterHub.hub_ip = `jupyter_client.localinterfaces.public_ips(..)[..]`, which is not installed @ config.py:4",
            "JupyterHub.url = text made of `jupyter_client.localinterfaces.public_ips(..)[..]`, which is not installed @ config.py:5",
            "JupyterHub.other = text made of `netifaces.ifaddresses(..)[..][..][..]`, which is not installed @ config.py:6",
            "JupyterHub.ok = True @ config.py:7",
            "JupyterHub.network = `docker.from_env(..).networks.get(..).id`, which is not installed @ config.py:8",
        ]
    );
}

#[test]
fn everything_of_a_missing_module_is_what_the_config_reads() {
    let config = "from docker.types import *
from traitlets import *
import os
check = Healthcheck(test=['NONE'])
def made(source):
    return Mount('/data', source, type='volume', labels={'a': str(len(source))})
c.SwarmSpawner.container_spec = {'healthcheck': check, 'mounts': [made(x) for x in ['one']]}
c.SwarmSpawner.notebook_dir = os.sep
";
    let recording = record(config);
    assert_eq!(
        shown(&recording),
        [
            "SwarmSpawner.container_spec = {'healthcheck': Healthcheck(..), 'mounts': [Mount(..)]} @ config.py:7",
            "SwarmSpawner.notebook_dir = '/' @ config.py:8",
        ]
    );
    assert_eq!(recording.stood_in_for, ["docker", "docker.types", "traitlets"]);
}

#[test]
fn everything_of_an_installed_module_stays_its_own() {
    let folder = Folder::installed(&[
        (
            "config.py",
            "from known import *\nfrom docker.types import *\nc.A.b = [limit, Mount('/d', limit)]\nc.A.c = str(unknown)\n",
        ),
        ("installed/known.py", "limit = 'l'\n"),
    ]);
    let recording = folder.recording();
    let made = shown(&recording);
    assert_eq!(made[0], "A.b = ['l', Mount(..)] @ config.py:3");
    assert!(made[1].contains("text made of `docker.types.unknown`, which is not installed"), "{made:?}");
}
