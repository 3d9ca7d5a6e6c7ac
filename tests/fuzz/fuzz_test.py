"""The fuzz targets, all at the same time for FUZZ_SECONDS (60): nothing that anybody may send crashes what reads it, is
read beyond its end, or keeps it busy. Each begins with its kept corpus; what it finds lies in the build folder.

  FUZZ_SECONDS=600 PORTIER_BUILD=build python3 tests/fuzz/fuzz_test.py
"""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["PORTIER_BUILD"]).absolute() / "fuzz"
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
TARGETS = {"proxy_protocol": 5000, "configuration": 8192, "control_sockets": 8192}  # with the longest input
LIMITS = ("-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1")


def build():
    compiler = shutil.which("clang++")
    if compiler is None:
        raise AssertionError("no clang++: the package clang is missing (.ci/packages.sh)")
    for command in (["cmake", "-S", HERE, "-B", BUILD, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}"],
                    ["cmake", "--build", BUILD, "--parallel", str(os.cpu_count())]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout[-6000:])


class Run:
    """One target at work, in a folder of its own."""

    def __init__(self, target):
        self.target = target
        self.folder = BUILD / "run" / target
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "found").mkdir(parents=True)
        self.log = self.folder / "log"
        command = [BUILD / target, *LIMITS, f"-max_total_time={SECONDS}", f"-max_len={TARGETS[target]}",
                   f"-artifact_prefix={self.folder}/", self.folder / "found", HERE / "corpus" / target]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self):
        """The number of inputs that it has tried."""
        code = self.process.wait()
        text = self.log.read_text(errors="replace")
        if code != 0:
            raise AssertionError(f"{self.target} ended with {code}, see {self.log}\n{text[-6000:]}")
        return int(re.search(r"number_of_executed_units: (\d+)", text)[1])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Fuzz(unittest.TestCase):
    def test_no_finding(self):
        build()
        runs = []
        for target in TARGETS:
            runs.append(Run(target))
            self.addCleanup(runs[-1].close)
        for run in runs:
            with self.subTest(run.target):
                kept = len(list((HERE / "corpus" / run.target).iterdir()))
                tried = run.wait()
                print(f"{run.target}: {tried} inputs, {kept} of them kept")
                self.assertGreater(tried, kept)


if __name__ == "__main__":
    unittest.main()
