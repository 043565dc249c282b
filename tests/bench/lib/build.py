"""The release build that the benchmarks run."""
import os
import pathlib
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[3]
PRESET = "release"


def programs(folder=None, name="bench", flags=""):
    """The folder of the built programs; folder: a build made before, which is taken as it is. Else it is build/NAME,
    compiled with these flags besides."""
    if folder:
        return Programs(pathlib.Path(folder))
    build = TREE / "build" / name
    _run([TREE / "tools" / "packages", "build", "bench"])
    _run(["cmake", "--preset", PRESET, "-B", build, "-DBUILD_TESTING=ON", f"-DCMAKE_CXX_FLAGS={flags}"])
    _run(["cmake", "--build", build, "-j", str(os.cpu_count()), "--target", "vmq_bench"])
    return Programs(build)


def _run(command):
    done = subprocess.run([str(word) for word in command], cwd=TREE, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + f"{command[0]} ended with {done.returncode}")


class Programs:
    """Finds a built program by its name."""

    def __init__(self, build):
        self.build = build
        self._found = {}

    def __getitem__(self, name):
        if name not in self._found:
            places = [path for path in self.build.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
            if not places:
                raise SystemExit(f"{name} is not built in {self.build}"
                                 + (": is libdpdk-dev installed?" if "dpdk" in name else ""))
            self._found[name] = places[0]
        return self._found[name]
