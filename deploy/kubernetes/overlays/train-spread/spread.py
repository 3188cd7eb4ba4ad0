"""Train the one network with the one seed that this pod's index stands for; flags are passed on to
the trainer.

Pods of one seed share its run folder, where each network has a folder of its own, and one choice
finds them all.
"""

import itertools
import os
import sys

if __name__ == "__main__":
    pairs = list(
        itertools.product(os.environ["SEEDS"].split(","), os.environ["ARCHITECTURES"].split(","))
    )
    seed, architecture = pairs[int(os.environ["JOB_COMPLETION_INDEX"])]
    # In this process' place, so that the stop signal reaches the trainer.
    os.execv(  # noqa: S606
        sys.executable,
        [
            sys.executable,
            "-m",
            "trainer",
            f"--seed={seed}",
            f"--architectures={architecture}",
            *sys.argv[1:],
        ],
    )
