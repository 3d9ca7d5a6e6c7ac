"""What the tests of the sample handlers share."""

import unittest

from fake_router import Handoff, Inherit, command_of, until


class SampleCase(unittest.TestCase):
    """A handler process by handoff or by inherit, ended and checked after each test."""

    def start(self, kind, program, *arguments, **options):
        handler = kind(command_of(program) + list(arguments), **options)
        self.addCleanup(self.check_and_close, handler)
        until(lambda: handler.said("READY=1") or handler.process.poll() is not None, "READY=1")
        self.assertTrue(handler.said("READY=1"), handler.errors())
        return handler

    def closing(self, thing):
        self.addCleanup(thing.close)
        return thing

    def check_and_close(self, handler):
        wrong = getattr(handler, "wrong", [])
        handler.close()
        self.assertEqual(wrong, [], "the handler broke the contract")

    def assert_ends_well(self, handler):
        self.assertEqual(handler.exit_status(), 0, handler.errors())


BOTH = (Handoff, Inherit)
