"""Uses a queue with the Python package azure-servicebus, as its users would.

What it found is written as JSON; what has to come of it is written elsewhere.
"""

import datetime
import json
import os
import sys
from urllib.parse import urlsplit

from azure.common import AzureHttpError
from azure.servicebus import Message, ServiceBusService

QUEUE = "pointsman"
# How long a receiver waits where there must be something, in seconds.
WAIT = 30


def client(key):
    """A client that finds the emulator where it would find the service."""
    service = ServiceBusService(
        "x",
        shared_access_key_name="RootManageSharedAccessKey",
        shared_access_key_value=key,
        host_base=urlsplit(os.environ["SERVICE_BUS"]).netloc,
    )
    service.service_namespace = ""
    service._httpclient.protocol = "http"
    return service


def shown(message):
    """A message as the package has it; nothing where there is none."""
    if message.body is None:
        return None
    properties = message.broker_properties
    # The package takes a header that it does not know for a property.
    custom = {key: str(value) for key, value in message.custom_properties.items() if key != "content-length"}
    return {
        "body": message.body.decode(),
        "custom": custom,
        "deliveries": properties["DeliveryCount"],
        "id": properties["MessageId"],
    }


def refused(call):
    """The status of a refusal."""
    try:
        call()
    except AzureHttpError as error:
        return error.status_code
    return None


bus, found = client(os.environ["KEY"]), {}
bus.send_queue_message(
    QUEUE, Message(b"one", custom_properties={"kind": "test", "number": 7, "sure": True},
                   broker_properties={"MessageId": "m-1"})
)
locked = bus.peek_lock_queue_message(QUEUE, WAIT)
found["locked"] = shown(locked)
found["empty"] = shown(bus.peek_lock_queue_message(QUEUE, 0))
locked.renew_lock()
locked.unlock()
again = bus.peek_lock_queue_message(QUEUE, WAIT)
found["again"] = shown(again)
again.delete()
found["twice"] = refused(again.delete)
batch = [Message(f"part {number}", broker_properties={"MessageId": f"p-{number}"}) for number in (1, 2)]
bus.send_queue_message_batch(QUEUE, batch)
found["parts"] = [shown(bus.read_delete_queue_message(QUEUE, WAIT)) for _ in batch]
bus.send_queue_message(QUEUE, Message(b"same", broker_properties={"MessageId": "p-1"}))
found["duplicate"] = shown(bus.peek_lock_queue_message(QUEUE, 0))
soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
due = soon.strftime("%a, %d %b %Y %H:%M:%S GMT")
bus.send_queue_message(QUEUE, Message(b"later", broker_properties={"ScheduledEnqueueTimeUtc": due}))
found["early"] = shown(bus.peek_lock_queue_message(QUEUE, 0))
found["later"] = bus.receive_queue_message(QUEUE, True, WAIT).body.decode()
found["nowhere"] = refused(lambda: bus.send_queue_message("nope", Message(b"x")))
found["stranger"] = refused(lambda: client("another key").send_queue_message(QUEUE, Message(b"x")))
json.dump(found, sys.stdout)
