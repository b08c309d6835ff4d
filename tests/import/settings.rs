//! How settings are set, and where.

use super::{Folder, failure, name_of, record, shown};

#[test]
fn settings_are_set_in_every_way() {
    let recording = record(
        "c = get_config()
c.A.plain = 1
c['A']['item'] = 2
c.A.update({'updated': 3})
c.A.setdefault('default', 4)
c.A.setdefault('default', 5)
c.A.gone = 6
del c.A.gone
c.A.popped = 7
c.A.pop('popped')
setattr(c.A, 'attr', 8)
c.merge({'A': {'merged': 9}})
c.update({'B': {'x': 10}})
c.A.plain += 10
for name in ('one', 'two'):
    c.C[name] = name
c.A.B.nested = True
",
    );
    assert_eq!(
        shown(&recording),
        [
            "A.plain = 11 @ config.py:14",
            "A.item = 2 @ config.py:3",
            "A.updated = 3 @ config.py:4",
            "A.default = 4 @ config.py:5",
            "A.attr = 8 @ config.py:11",
            "A.merged = 9 @ config.py:12",
            "B.x = 10 @ config.py:13",
            "C.one = 'one' @ config.py:16",
            "C.two = 'two' @ config.py:16",
            "A.B.nested = True @ config.py:17",
        ]
    );
}

#[test]
fn containers_that_were_not_set_extend_their_defaults() {
    let recording = record(
        "c.SwarmSpawner.images.append({'image': 'x'})
c.Spawner.args.extend(['b'])
c.Spawner.args.insert(0, 'a')
c.Spawner.args.prepend(['first'])
c.Spawner.environment.update({'A': '1'})
c.Spawner.environment.update({'B': '2'})
c.Spawner.env_keep.append('HTTP_PROXY')
c.Authenticator.allowed_users.add('alice')
c.Never.used
",
    );
    let lines = shown(&recording);
    assert_eq!(
        lines[0],
        "SwarmSpawner.images = [{'image': 'ucphhpc/base-notebook:latest', 'name': 'Default Jupyter Notebook'}, \
         {'image': 'x'}] @ config.py:1"
    );
    assert_eq!(lines[1], "Spawner.args = ['first', 'a', 'b'] @ config.py:4");
    assert_eq!(lines[2], "Spawner.environment = {'A': '1', 'B': '2'} @ config.py:6");
    assert!(lines[3].ends_with("'LC_ALL', 'HTTP_PROXY'] @ config.py:7"), "{}", lines[3]);
    assert_eq!(lines[4], "Authenticator.allowed_users = a set @ config.py:8");
    assert_eq!(lines.len(), 5);
}

#[test]
fn what_traitlets_refuses_is_refused() {
    for config in ["c.SwarmSpawner.images += [{}]", "c.Spawner.environment['A'] = '1'", "c.Spawner = 1", "c.A._x.y"] {
        let diagnostic = failure(config);
        assert_eq!(diagnostic.code.id, "SG702", "{config}: {}", diagnostic.message);
    }
}

#[test]
fn values_that_change_later_have_the_line_that_changed_them() {
    let recording = record(
        "env = {'A': 1}
c.SwarmSpawner.container_spec = {'env': env, 'mounts': []}
c.SwarmSpawner.container_spec['env']['B'] = 2
c.SwarmSpawner.container_spec['mounts'].append(
    'x',
)
env['C'] = 3
c.SwarmSpawner.networks = ['a']
print(c.SwarmSpawner.networks)
c.SwarmSpawner.networks += ['b']
c.SwarmSpawner.placement = {'constraints': ['x']}
del c.SwarmSpawner.placement['constraints'][0]
c.SwarmSpawner.other = c.SwarmSpawner.networks
",
    );
    assert_eq!(
        shown(&recording),
        [
            "SwarmSpawner.container_spec = {'env': {'A': 1, 'B': 2, 'C': 3}, 'mounts': ['x']} @ config.py:4",
            "SwarmSpawner.networks = ['a', 'b'] @ config.py:10",
            "SwarmSpawner.placement = {'constraints': []} @ config.py:12",
            "SwarmSpawner.other = ['a', 'b'] @ config.py:13",
        ]
    );
    assert_eq!(recording.printed.unwrap().line, 9);
}

#[test]
fn subconfigs_and_helpers_have_lines_of_their_own() {
    let folder = Folder::bare(&[
        (
            "config.py",
            "import os, helper
c.A.first = 1
load_subconfig('sub.py')
load_subconfig('nothere.py')
load_subconfig('deep.py', path=os.path.join(os.path.dirname(__file__), 'more'))
c.A.last = os.path.basename(__file__)
helper.set(c)
c.A.list.append('after')
",
        ),
        ("sub.py", "c.A.first = 2\nc.A.sub = get_config() is c\nc.A.list.append('sub')\n"),
        ("more/deep.py", "c.A.deep = True\n"),
        ("helper.py", "def set(c):\n    c.A.helped = 1\n"),
    ]);
    let recording = folder.recording();
    assert_eq!(
        shown(&recording),
        [
            "A.first = 2 @ sub.py:1",
            "A.sub = True @ sub.py:2",
            "A.list = ['sub', 'after'] @ config.py:8",
            "A.deep = True @ deep.py:1",
            "A.last = 'config.py' @ config.py:6",
            "A.helped = 1 @ helper.py:2",
        ]
    );
    let files: Vec<String> = recording.files.iter().map(|file| name_of(file)).collect();
    assert_eq!(files, ["config.py", "sub.py", "deep.py"]);
    assert_eq!(recording.missing[0].0, "nothere.py");
    assert_eq!(recording.missing[0].1.line, 4);
    assert!(!folder.path("__pycache__").exists(), "Python leaves its cache behind");
}

#[test]
fn an_exception_that_the_config_catches_is_none() {
    let recording = record(
        "try:
    import no_such_module
except ImportError:
    c.A.b = 'caught'
import sys, os
c.A.argv = sys.argv[0]
c.A.stdin = sys.stdin.read()
os.write(1, b'{\"version\": 1}')
os.system('echo noise')
",
    );
    assert_eq!(
        shown(&recording),
        ["A.b = 'caught' @ config.py:4", "A.argv = 'jupyterhub' @ config.py:6", "A.stdin = '' @ config.py:7"]
    );
}

#[test]
fn nothing_that_the_config_starts_stays() {
    let folder = Folder::bare(&[(
        "config.py",
        "import subprocess
child = subprocess.Popen(['sleep', '600'])
open(__file__ + '.pid', 'w').write(str(child.pid))
",
    )]);
    folder.recording();
    let pid = std::fs::read_to_string(folder.path("config.py.pid")).unwrap();
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let running = || !stat().is_empty() && !stat().contains(") Z ");
    for _ in 0..100 {
        if !running() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("process {pid} is still there: {}", stat());
}
