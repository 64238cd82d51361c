"""The sealer reads every posted journal."""

from foundation.events import subscribe
from member_api.seal.operations import BATCH, SUBSCRIBER, TOPIC, seal_journals

subscribe(SUBSCRIBER, (TOPIC,), seal_journals, batch=BATCH, prompt=())
