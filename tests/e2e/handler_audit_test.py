"""What a handler process and the router are given: exactly what was declared and nothing else."""

import grp
import json
import os
import pwd
import re
import shutil

import kernel
import street

ROOT = os.geteuid() == 0
USER, GROUP = "daemon", "nogroup"
IDENTITY = {"user": USER, "group": GROUP} if ROOT else {}
PATH = "/usr/local/bin:/usr/bin:/bin"
# The environment of portier itself; of these handlers see PATH, LANG and TZ.
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "TZ": "UTC", "SECRET": "not for handlers",
               "LD_LIBRARY_PATH": "/nowhere",
               **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
SPAWNS = 100


class Audit(street.Case):
    def setUp(self):
        super().setUp()
        self.reports = self.folder / "reports"
        self.reports.mkdir()
        self.reports.chmod(0o777)
        # The folder of the tests may lie where only its owner may look.
        self.program = shutil.copy(street.HERE / "handlers" / "audit.py", self.folder)
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o755)
        self.port = street.free_port()

    def audit(self, name="audit", stay=True, **keys):
        return street.script(self.program, str(self.reports / name), *(["stay"] if stay else []), **keys)

    def open_street(self, handlers, ports, ready=True):
        """These programs do not hear that they are drained, so nobody waits for them."""
        portier = self.street(handlers, ports, {"drain_timeout": "0s"}, start=False)
        return portier.start(env=ENVIRONMENT, ready=ready)

    def reports_of(self, count, name="audit"):
        """Waits for `count` whole reports."""
        def read():
            path = self.reports / name
            lines = path.read_text().splitlines(keepends=True) if path.exists() else []
            return lines if len(lines) >= count and lines[-1].endswith("\n") else None
        return [json.loads(line) for line in street.wait_until(read, f"{count} audits of {name}")]

    def assert_identity(self, report):
        if not ROOT:
            self.assertEqual(report["uid"], [os.getuid()] * 3)
            return
        uid, gid = pwd.getpwnam(USER).pw_uid, grp.getgrnam(GROUP).gr_gid
        self.assertEqual((report["uid"], report["gid"]), ([uid] * 3, [gid] * 3))
        self.assertEqual(report["groups"], sorted(os.getgrouplist(USER, gid)))
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(report["status"][kind], 16), 0, kind)

    def assert_isolated(self, report, keeper):
        self.assertEqual(report["parent"], keeper)
        self.assertEqual((report["session"], report["group"]), (report["pid"], report["pid"]))
        self.assertEqual(report["status"]["NoNewPrivs"], "1")
        self.assertEqual(int(report["status"]["SigBlk"], 16), 0)

    def assert_standard_descriptors(self, report):
        descriptors = report["descriptors"]
        self.assertEqual(descriptors["0"]["link"], "/dev/null")
        self.assertRegex(descriptors["1"]["link"], r"^pipe:")
        self.assertEqual(descriptors["1"]["link"], descriptors["2"]["link"])
        for number, facts in descriptors.items():
            self.assertFalse(facts["cloexec"], number)

    def expected_environment(self, **more):
        user = pwd.getpwnam(USER)
        own = {"USER": USER, "LOGNAME": USER, "HOME": user.pw_dir} if ROOT else {}
        return {"PATH": PATH, "LANG": "C.UTF-8", "TZ": "UTC", "PORTIER_HANDLER": "audit", "PORTIER_PROCESS": "0",
                **own, **more}

    def without_notify_socket(self, report):
        environment = dict(report["environment"])
        self.assertRegex(environment.pop("NOTIFY_SOCKET"), r"^@.{16,}$")
        return environment


class Handlers(Audit):
    def test_handoff(self):
        keys = {"env": {"MENU": "veg", "GREETING": "a b=c"}, "working_directory": str(self.home), **IDENTITY,
                "limits": {"open_files": 64, "memory": "1GiB", "processes": 100, "core": "0B", "cpu": "1h"}}
        portier = self.open_street({"audit": self.audit(**keys)}, {f"{self.port}/tcp": "audit"})
        (report,) = self.reports_of(1)
        self.assert_identity(report)
        self.assert_isolated(report, portier.pid)
        self.assertEqual(report["folder"], str(self.home))
        self.assertEqual(self.without_notify_socket(report),
                         self.expected_environment(MENU="veg", GREETING="a b=c", PORTIER_FD="3"))
        self.assertEqual(sorted(report["descriptors"]), ["0", "1", "2", "3"])
        self.assert_standard_descriptors(report)
        channel = report["descriptors"]["3"]
        self.assertEqual((channel["family"], channel["type"], channel["blocking"]), ("AF_UNIX", "SOCK_SEQPACKET", True))
        limits = report["limits"]
        for name, value in (("Max open files", "64"), ("Max address space", str(1 << 30)), ("Max processes", "100"),
                            ("Max core file size", "0"), ("Max cpu time", "3600")):
            self.assertEqual(limits[name], [value, value], name)

    def test_inherit(self):
        keys = {"delivery": "inherit", "env": {"MENU": "veg"}, **IDENTITY}
        udp = street.free_port()
        portier = self.open_street({"audit": self.audit(**keys)},
                                   {f"127.0.0.1:{self.port}/tcp": "audit", f"127.0.0.1:{udp}/udp": "audit"})
        (report,) = self.reports_of(1)
        self.assert_identity(report)
        self.assert_isolated(report, portier.pid)
        self.assertEqual(report["folder"], str(portier.folder))
        names = f"127.0.0.1_{self.port}/tcp:127.0.0.1_{udp}/udp"
        self.assertEqual(self.without_notify_socket(report), self.expected_environment(
            MENU="veg", LISTEN_FDS="2", LISTEN_PID=str(report["pid"]), LISTEN_FDNAMES=names))
        self.assertEqual(sorted(report["descriptors"]), ["0", "1", "2", "3", "4"])
        self.assert_standard_descriptors(report)
        listener, datagrams = report["descriptors"]["3"], report["descriptors"]["4"]
        self.assertEqual((listener["type"], listener["address"]), ("SOCK_STREAM", ["127.0.0.1", self.port]))
        self.assertEqual((datagrams["type"], datagrams["address"]), ("SOCK_DGRAM", ["127.0.0.1", udp]))
        self.assertTrue(listener["blocking"] and datagrams["blocking"])  # as from systemd
        self.assertEqual(report["limits"]["Max open files"], kernel.limit(portier.pid, "Max open files"))

    def test_signals_are_as_after_boot(self):
        """portier ignores SIGPIPE and catches SIGTERM; its handlers start with nothing ignored, caught or blocked."""
        report = self.reports / "status"
        command = ["/bin/sh", "-c", 'cat /proc/self/status > "$$0.part" && mv "$$0.part" "$$0" && exec sleep 1000',
                   str(report)]
        self.open_street({"audit": {"command": command}}, {f"{self.port}/tcp": "audit"})
        street.wait_until(report.exists, "the report")
        status = dict(line.split(":\t") for line in report.read_text().splitlines() if ":\t" in line)
        for signals in ("SigBlk", "SigIgn", "SigCgt"):
            self.assertEqual(int(status[signals], 16), 0, signals)

    def test_many_starts_in_a_storm(self):
        """However busy portier is, each new process has the declared descriptors and environment."""
        storm = street.free_port()
        handlers = {"audit": self.audit(stay=False, restart={"first": "1ms", "max": "1ms"}, processes=4, **IDENTITY),
                    "echo": street.handler("echo")}
        portier = self.open_street(handlers, {f"{self.port}/tcp": "audit", f"{storm}/tcp": "echo"}, ready=False)
        street.wait_until(lambda: portier.socket.exists() and portier.pids("echo"), "echo is ready")
        load = self.guests("crr", storm, "--concurrency", 16)
        for report in self.reports_of(SPAWNS):
            self.assertEqual(sorted(report["descriptors"]), ["0", "1", "2", "3"])
            self.assert_standard_descriptors(report)
            self.assert_identity(report)
            self.assert_isolated(report, portier.pid)
            slot = report["environment"]["PORTIER_PROCESS"]
            self.assertIn(slot, ("0", "1", "2", "3"))
            self.assertEqual(self.without_notify_socket(report),
                             {**self.expected_environment(PORTIER_FD="3"), "PORTIER_PROCESS": slot})
        self.assert_no_failures(load.finish())


class Router(Audit):
    def test_unprivileged_and_only_what_it_needs(self):
        handed, inherited = self.port, street.free_port()
        portier = self.open_street(
            {"handed": street.handler("echo", processes=2), "inherited": street.handler("echo", delivery="inherit")},
            {f"{handed}/tcp": "handed", f"127.0.0.1:{inherited}/tcp": "inherited"})
        router = portier.router_pid()
        status = kernel.status(router)
        if ROOT:
            nobody = pwd.getpwnam("nobody")
            self.assertEqual(status["Uid"].split(), [str(nobody.pw_uid)] * 4)
            self.assertEqual(status["Gid"].split(), [str(nobody.pw_gid)] * 4)
            self.assertEqual(status["Groups"], "")
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(os.readlink(f"/proc/{router}/cwd"), "/")
        environment = dict(pair.split("=", 1) for pair in kernel.read(router, "environ").split("\0") if pair)
        self.assertEqual({name for name in environment if not name.endswith("SAN_OPTIONS")}, {"PATH", "LANG", "TZ"})

        listeners = {inode for port in (handed, portier.admin_port) for inode in kernel.listener_inodes(port)}

        def only_these():
            """Besides the listeners: the link to the keeper, a channel for each handoff process, the destroy events."""
            links = kernel.descriptors(router)
            sockets = {int(link[8:-1]) for link in links.values() if link.startswith("socket:[")}
            unix, netlink = kernel.unix_inodes() & sockets, kernel.netlink_inodes() & sockets
            exact = listeners | unix | netlink == sockets and (len(unix), len(netlink)) == (3, 1)
            return links if exact else None
        links = street.wait_until(only_these, "the router has no other port and no connection")
        others = sorted(re.sub(r"\d+", "N", link) for link in links.values() if not link.startswith("socket:["))
        allowed = {"/dev/null", re.sub(r"\d+", "N", str(portier.log_file)), "/memfd:portier-board (deleted)",
                   "anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]"}
        self.assertLessEqual(set(others), allowed)


if __name__ == "__main__":
    street.main()
