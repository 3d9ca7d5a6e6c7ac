"""The shape of the code, held by a test: layers only look down, every source has its test, files stay short, and each
thing has one name. Runs on the source tree alone; nothing is built."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUTER = ROOT / "router"
TESTS = ROOT / "tests"

# A layer includes itself and what stands to the left of it. Those in one group do not know each other,
LAYERS = [{"base"}, {"net", "proc", "metrics"}, {"config"}, {"delivery"}, {"desk"}, {"keeper"}, {"admin"}, {"main"}]
# except these.
NEIGHBOURS = {"metrics": {"proc"}}

# Sources without a unit test, each with the reason.
UNTESTED = {
    "base/asio.cpp": "only compiles the libraries",
    "main/client.cpp": "tests/e2e runs the commands",
    "main/lookup_role.cpp": "tests/e2e runs it with names to look up",
    "main/main.cpp": "tests/e2e runs the commands",
    "main/router_role.cpp": "tests/e2e runs the router",
    "main/run.cpp": "tests/e2e runs the daemon",
    "keeper/keeper.cpp": "starts the router from its own binary: tests/e2e",
    "keeper/reload.cpp": "starts the router from its own binary: tests/e2e",
    "keeper/router_process.cpp": "starts the router from its own binary: tests/e2e",
}

MAX_LINES = 300
CODE = {".cpp", ".hpp", ".py", ".cmake", ".sh", ".in", ".txt"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)

# One word for each thing: what it is called instead is on the right.
SYNONYMS = {"worker": "process", "upstream": "backend", "service": "handler"}


def files(folder, *suffixes):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in suffixes)


def code_files():
    folders = ("cmake", "handlers", "router", "tests")
    found = [path for folder in folders for path in files(ROOT / folder, *CODE)]
    return [path for path in found if TESTS / "data" not in path.parents and path != Path(__file__).resolve()]


def includes(path):
    """What a file includes: (is it by quotes, name)."""
    return [(quote == '"', name) for quote, name in INCLUDE.findall(path.read_text())]


def allowed(layer):
    left = set()
    for group in LAYERS:
        if layer in group:
            return left | {layer} | NEIGHBOURS.get(layer, set())
        left |= group
    raise KeyError(f"{layer} is no layer")


def without_comments_and_texts(source):
    """Only what the compiler sees of names. Comments may quote the world; texts are read by people and programs."""
    pattern = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|^\s*#\s*include[^\n]*',
                         re.DOTALL | re.MULTILINE)
    return pattern.sub(" ", source)


class LayersTest(unittest.TestCase):
    def test_every_folder_of_the_router_is_a_layer(self):
        folders = {path.name for path in ROUTER.iterdir() if path.is_dir()}
        self.assertEqual(folders, set().union(*LAYERS))

    def test_layers_look_only_to_the_left(self):
        for path in files(ROUTER, ".cpp", ".hpp"):
            layer = path.relative_to(ROUTER).parts[0]
            for quoted, name in includes(path):
                if quoted:
                    with self.subTest(file=str(path.relative_to(ROOT)), include=name):
                        self.assertIn(name.split("/")[0], allowed(layer))

    def test_own_headers_are_named_from_the_root_of_the_router(self):
        for path in files(ROUTER, ".cpp", ".hpp"):
            for quoted, name in includes(path):
                if quoted:
                    with self.subTest(file=str(path.relative_to(ROOT)), include=name):
                        self.assertTrue((ROUTER / name).is_file() or (ROUTER / (name + ".in")).is_file())

    def test_each_library_has_its_place(self):
        places = {"yaml-cpp/": "config/", "prometheus/": "metrics/exposition", "spdlog/": "base/log",
                  "libmnl/": "net/sock_diag", "CLI/": "main/"}
        for path in files(ROUTER, ".cpp", ".hpp"):
            where = path.relative_to(ROUTER).as_posix()
            for _, name in includes(path):
                for library, place in places.items():
                    if name.startswith(library):
                        with self.subTest(file=where, include=name):
                            self.assertTrue(where.startswith(place), f"{library} belongs to {place}")

    def test_headers_are_included_once(self):
        for path in files(ROUTER, ".hpp"):
            with self.subTest(file=str(path.relative_to(ROOT))):
                self.assertEqual(path.read_text().count("#pragma once\n"), 1)


class TestsTest(unittest.TestCase):
    def test_every_source_has_its_test(self):
        for path in files(ROUTER, ".cpp"):
            source = path.relative_to(ROUTER)
            if source.as_posix() not in UNTESTED:
                with self.subTest(source=source.as_posix()):
                    test = TESTS / source.with_name(source.stem + "_test.cpp")
                    self.assertTrue(test.is_file(), f"no {test.relative_to(ROOT)}")
                    self.assertTrue(re.search(r"\bTEST(_[FP])?\(", test.read_text()), "it has no TEST")

    def test_the_exceptions_are_sources_without_a_test(self):
        for source in UNTESTED:
            with self.subTest(source=source):
                self.assertTrue((ROUTER / source).is_file())
                self.assertFalse((TESTS / source.replace(".cpp", "_test.cpp")).exists(), "take it off the list")

    def test_every_test_is_built(self):
        lists = "\n".join(path.read_text() for path in [*files(TESTS, ".cmake"), *TESTS.rglob("CMakeLists.txt")])
        for path in files(TESTS, ".cpp"):
            with self.subTest(test=str(path.relative_to(TESTS))):
                self.assertTrue(re.search(rf"\b{re.escape(path.name)}\b", lists), "in no list of CMake")

    def test_every_python_test_is_run(self):
        lists = "\n".join(path.read_text() for path in [*files(TESTS, ".cmake"), *TESTS.rglob("CMakeLists.txt")])
        for path in TESTS.rglob("*_test.py"):
            with self.subTest(test=str(path.relative_to(TESTS))):
                name = path.stem.removesuffix("_test")
                self.assertTrue(re.search(rf"\b{re.escape(name)}(_test\.py)?\b", lists), "in no list of CMake")

    def test_no_test_is_left_out(self):
        off = re.compile(r"\bDISABLED_|GTEST_SKIP|unittest\.skip|\.skipTest\(|expectedFailure")
        for path in code_files():
            with self.subTest(file=str(path.relative_to(ROOT))):
                found = off.search(path.read_text())
                self.assertIsNone(found, found and found.group(0))


class TextTest(unittest.TestCase):
    def test_files_are_short(self):
        for path in code_files():
            with self.subTest(file=str(path.relative_to(ROOT))):
                self.assertLessEqual(len(path.read_text().splitlines()), MAX_LINES)

    def test_nothing_is_left_for_later(self):
        for path in code_files():
            with self.subTest(file=str(path.relative_to(ROOT))):
                found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text())
                self.assertIsNone(found, found and found.group(0))

    def test_headers_say_what_they_are_for(self):
        for path in files(ROUTER, ".hpp"):
            with self.subTest(file=str(path.relative_to(ROOT))):
                self.assertTrue(path.read_text().startswith("// "), "the first line is not a comment")

    def test_each_thing_has_one_name(self):
        words = re.compile(rf"\w*({'|'.join(SYNONYMS)})\w*", re.IGNORECASE)
        for path in files(ROUTER, ".cpp", ".hpp"):
            with self.subTest(file=str(path.relative_to(ROOT))):
                for found in words.finditer(without_comments_and_texts(path.read_text())):
                    if not found.group(0).isupper():  # the system's own constants: CAP_NET_BIND_SERVICE
                        self.fail(f"{found.group(0)}: say {SYNONYMS[found.group(1).lower()]}")


if __name__ == "__main__":
    unittest.main()
