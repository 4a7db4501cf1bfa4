"""The machine's settings: huge pages and KSM as scenarios expect them, put back when the session ends."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from mremapdsl.backend import Unsupported
from mremapdsl.live import khugepaged, threads
from mremapdsl.live.runtime import Note, Runtime, write
from mremapdsl.ops import PAGE

THP = "/sys/kernel/mm/transparent_hugepage"
KSM = "/sys/kernel/mm/ksm"
HUGE_PAGES = 512
KSM_PASSES = 3
"""Full passes of one ``ksm scan``, at the least: remember the checksums, merge, let stragglers join."""
KSM_SETTINGS = {
    "run": "0", "use_zero_pages": "0", "smart_scan": "1", "advisor_mode": "none", "pages_to_scan": "1000000",
    "sleep_millisecs": "1000000", "max_page_sharing": "256",
}  # fmt: skip


class Settings:
    """What the scenarios of a session need, and how it was before."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._saved: set[str] = set()
        self._now: dict[str, str] = {}
        self._changed: set[str] = set()
        """What the scenario under way has set."""
        self._khugepaged_sleeps = False

    # --- files -------------------------------------------------------------------------------------------

    def get(self, path: str) -> str:
        """The value of a setting; empty where there is none."""
        if path not in self._now:
            self._now[path] = read(path)
        return self._now[path]

    def put(self, path: str, value: str) -> None:
        """Change a setting. Raises Unsupported."""
        old = self.get(path)
        if old == value:
            return
        note: Note = {"write": path, "old": old}
        if path not in self._saved:
            self._runtime.note(note)
        try:
            write(path, value)
        except OSError as error:
            if path not in self._saved:
                self._runtime.forget(note)
            raise Unsupported(f"{path} is `{old}` and cannot be set to `{value}`: {error.strerror}") from None
        self._saved.add(path)
        self._now[path] = value
        if path.startswith(THP):
            self._khugepaged_sleeps = False

    # --- huge pages --------------------------------------------------------------------------------------

    def fresh(self) -> None:
        """Huge pages as a scenario finds them: on advice, no other sizes. Raises Unsupported."""
        if not os.path.exists(THP):
            return
        try:
            self.put(f"{THP}/enabled", "madvise")
            with suppress(Unsupported):
                self.put(f"{THP}/khugepaged/scan_sleep_millisecs", "3600000")
                self.put(f"{THP}/defrag", "madvise")
            for size in sizes():
                self.put(enabled(size), "inherit" if size == HUGE_PAGES else "never")
        finally:
            self._quiet()

    def _quiet(self) -> None:
        """Have khugepaged sleep again if a setting woke it."""
        if not self._khugepaged_sleeps:
            khugepaged.keep_asleep()
            self._khugepaged_sleeps = True

    def set_thp(self, mode: str) -> None:
        """``set thp MODE``. Raises Unsupported."""
        if not os.path.exists(THP):
            raise Unsupported("this kernel has no transparent huge pages")
        self.put(f"{THP}/enabled", mode)
        self._quiet()

    def set_mthp(self, pages: int, mode: str) -> None:
        """``set mthp SIZE MODE``. Raises Unsupported."""
        if pages not in sizes():
            raise Unsupported(f"this kernel has no folios of {pages} pages")
        self.put(enabled(pages), mode)
        self._quiet()

    @property
    def plain(self) -> bool:
        """Faults make small folios unless a scenario asks for others."""
        return self.only_huge and self.get(f"{THP}/enabled") in ("", "never", "madvise")

    @property
    def only_huge(self) -> bool:
        """At most faults of whole blocks of 512 pages make large folios."""
        return all(self.get(enabled(size)) in ("never", "inherit") for size in sizes())

    # --- swap --------------------------------------------------------------------------------------------

    def read_no_pages_ahead(self) -> None:
        """Have faults bring back what they ask for, and nothing beside it, as far as this user may say so."""
        with suppress(Unsupported):
            self.put("/proc/sys/vm/page-cluster", "0")

    # --- KSM ---------------------------------------------------------------------------------------------

    def prepare_ksm(self) -> None:
        """Have ksmd wait until it is asked. Raises Unsupported."""
        if not os.path.exists(KSM):
            raise Unsupported("this kernel has no KSM")
        if os.geteuid():
            if read(f"{KSM}/run") != "0":
                raise Unsupported("ksmd runs, and only root can make it wait")
            return
        for name, value in KSM_SETTINGS.items():
            if os.path.exists(f"{KSM}/{name}") and not (name == "use_zero_pages" and self._changed):
                self.put(f"{KSM}/{name}", value)

    def set_ksm_zero_pages(self, on: bool) -> None:
        """``set ksm_zero_pages on|off``. Raises Unsupported."""
        self.prepare_ksm()
        self._changed.add("use_zero_pages")
        self.put(f"{KSM}/use_zero_pages", str(int(on)))

    def scan(self, deadline: float) -> None:
        """Let ksmd make passes until one merges nothing. Raises Unsupported."""
        self.prepare_ksm()
        before = self.ksm_passes(KSM_PASSES - 1, deadline)
        while (now := self.ksm_passes(1, deadline)) != before:
            before = now

    def ksm_passes(self, passes: int, deadline: float) -> list[str]:
        """Let ksmd make so many passes; how many pages are merged then. Raises Unsupported."""
        goal = full_scans() + passes
        ksmd = threads.named("ksmd")
        self.put(f"{KSM}/run", "1")
        try:
            while full_scans() < goal:
                if time.monotonic() > deadline:
                    raise Unsupported("ksmd did not finish its passes in time", skip=False)
                if all(map(threads.sleeps, ksmd)) and full_scans() < goal:
                    self._wake_ksmd()
                time.sleep(0.0002)
        finally:
            self.put(f"{KSM}/run", "0")
            self._wake_ksmd()  # to wait for the next time
        return [read(f"{KSM}/{name}") for name in ("pages_shared", "pages_sharing", "ksm_zero_pages")]

    def _wake_ksmd(self) -> None:
        """Another sleep time ends the present sleep; after a pass ksmd sleeps longer than any scenario takes."""
        path = f"{KSM}/sleep_millisecs"
        self.put(path, "1000001" if self.get(path) == "1000000" else "1000000")

    def leave(self) -> None:
        """The scenario is over."""
        if self._changed:
            self._changed.clear()
            with suppress(Unsupported):
                self.put(f"{KSM}/use_zero_pages", "0")


def read(path: str) -> str:
    """The value of a setting, the one in brackets if it lists all; empty where there is none."""
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return ""
    return text.partition("[")[2].partition("]")[0] if "[" in text else text


def full_scans() -> int:
    return int(read(f"{KSM}/full_scans") or 0)


def sizes() -> list[int]:
    """The sizes in pages of which this kernel makes anonymous folios, besides single pages."""
    try:
        names = [n for n in os.listdir(THP) if n.startswith("hugepages-") and os.path.exists(f"{THP}/{n}/enabled")]
    except OSError:
        return []
    return sorted(int(name[len("hugepages-") : -len("kB")]) * 1024 // PAGE for name in names)


def enabled(pages: int) -> str:
    return f"{THP}/hugepages-{pages * PAGE // 1024}kB/enabled"
