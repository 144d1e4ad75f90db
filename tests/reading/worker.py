"""`python -m tests.reading.worker JOB`: a worker that reads a pickled job, to be killed in the middle of it."""

import pickle
import sys
from pathlib import Path

from campaign_processor import process_campaign

if __name__ == "__main__":
    job, settings = pickle.loads(Path(sys.argv[1]).read_bytes())
    process_campaign(job, settings)
