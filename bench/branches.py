"""F2C's step with its branches at the same time, and one after the other with each op divided among all cores: by turns, in
seconds on the clock, with threads that wait as those of the host. Reads a session that `step.ts` wrote; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from f2c_host.process.waiting import wait_awake_only_shortly

wait_awake_only_shortly()
sys.path.insert(0, str(Path(__file__).parent))

from f2c_host.lower import builders  # noqa: E402 - torch is imported only now
from step import Ours, by_turns  # noqa: E402


def main(path: str) -> None:
    session = json.loads(Path(path).read_text())
    at_once = Ours(session, "torchscript")
    builders.run_at_once = lambda _: False
    in_turn = Ours(session, "torchscript")
    contestants = {"at once": at_once.step, "in turn": in_turn.step}
    print(
        json.dumps(
            {"seconds": by_turns(contestants, session["turns"], time.perf_counter)}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
