"""The real Prometheus with the configuration that is shipped, except for the target and the pace."""

import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import shipped
from patience import PATIENCE, until


class Prometheus:
    def __init__(self, folder, port, target):
        self.address = f"127.0.0.1:{port}"
        self.folder = pathlib.Path(folder)
        config = (shipped.DASHBOARDS / "prometheus.yml").read_text()
        assert '"127.0.0.1:7000"' in config and "_interval: 5s" in config
        changed = config.replace("127.0.0.1:7000", target).replace("_interval: 5s", "_interval: 1s")
        (self.folder / "prometheus.yml").write_text(changed)
        shutil.copy(shipped.DASHBOARDS / "alerts.yml", folder)
        self.log = open(self.folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}", "--log.level=warn"], stdout=self.log, stderr=self.log)

    def wait_until_ready(self):
        def ready():
            assert self.process.poll() is None, (self.folder / "prometheus.log").read_text()
            try:
                with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=PATIENCE) as answer:
                    return answer.status == 200
            except OSError:
                return False
        until(ready, "Prometheus to be ready")

    def ask(self, path, **parameters):
        """The data of an API answer. Raises ValueError with Prometheus' words for an error or a warning."""
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{query}", timeout=PATIENCE) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            document = json.load(error)
        if document["status"] != "success" or document.get("warnings"):
            raise ValueError(document.get("error") or document["warnings"])
        return document["data"]

    def value(self, query):
        """The newest value of a query that has one series; None when it has none."""
        result = self.ask("query", query=query)["result"]
        return float(result[0]["value"][1]) if result else None

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()
