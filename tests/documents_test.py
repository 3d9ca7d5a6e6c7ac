"""What the documents say is what portier does: each YAML sample is good, each diagnostic is printed as it stands there.
A sample is tried where the page says that it lies: in config/, beside the build/handlers that ./run.sh makes."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ["PORTIER_BUILD"]).resolve()
PAGES = [ROOT / "README.md", *sorted((ROOT / "config").rglob("README.md")),
         *sorted((ROOT / "handlers").rglob("README.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIAGNOSTIC = re.compile(r"^\S+?:(\d+):\d+: error: .*\n +\1 \| (.*)\n +\| .*\n", re.MULTILINE)


def blocks(page, *kinds):
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind in kinds]


class Documents(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="portier-documents-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        (self.folder / "config").mkdir()
        (self.folder / "build").mkdir()
        (self.folder / "build" / "handlers").symlink_to(BUILD / "handlers")

    def check(self, text, name):
        """What `portier check` prints about a file in config/; `name` is how the operator calls it."""
        (self.folder / "config" / "houses.yaml").write_text(text)
        folder = self.folder if "/" in name else self.folder / "config"
        environment = {"PATH": "/usr/bin:/bin"}
        return subprocess.run([str(BUILD / "portier"), "check", name], cwd=folder, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def test_every_sample_is_good(self):
        samples = [(page, text) for page in PAGES for text in blocks(page, "yaml")]
        self.assertGreaterEqual(len(samples), 4)
        for page, text in samples:
            with self.subTest(page=str(page.relative_to(ROOT)), sample=text):
                whole = text if text.startswith("version:") else "version: 1\n" + text
                done = self.check(whole, "config/houses.yaml")
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def assert_printed(self, page, base, name):
        """Each diagnostic of a page is what `base` gives when the line that it shows stands in it."""
        shown = [found for text in blocks(page, "", "console") for found in DIAGNOSTIC.finditer(text)]
        self.assertTrue(shown, page)
        for found in shown:
            lines = base.splitlines()
            lines[int(found[1]) - 1] = found[2]
            done = self.check("\n".join(lines) + "\n", name)
            self.assertEqual((done.returncode, done.stderr), (2, found[0]))

    def test_diagnostics_are_printed_as_shown(self):
        self.assert_printed(ROOT / "README.md", (ROOT / "config" / "houses.yaml").read_text(), "config/houses.yaml")
        reference = ROOT / "config" / "README.md"
        self.assert_printed(reference, blocks(reference, "yaml")[0], "houses.yaml")

    def test_the_first_edit_shows_the_file_as_it_is(self):
        """The lines of the sample are those of houses.yaml, but for those with a comment that says what is new."""
        houses = (ROOT / "config" / "houses.yaml").read_text().splitlines()
        for line in blocks(ROOT / "README.md", "yaml")[0].splitlines():
            text, _, comment = line.partition("  #")
            if comment.strip().startswith("was "):
                text = re.sub(r"\d+$", comment.strip().removeprefix("was "), text.rstrip())
            if comment.strip() != "new":
                self.assertTrue(any(found.startswith(text.rstrip()) for found in houses), line)


if __name__ == "__main__":
    unittest.main()
