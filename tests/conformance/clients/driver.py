"""Carries out calls with the Python package azure-mgmt-apimanagement, as its users would.

A call a line comes in as JSON, and what the package made of it goes out likewise. What is to be
called, and what has to come of it, is written elsewhere; nothing is decided here.
"""

import json
import os
import sys
from datetime import timedelta

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.apimanagement import ApiManagementClient, models


class Bearer(SansIOHTTPPolicy):
    """The package's own policy refuses to send a token over plain HTTP."""

    def on_request(self, request):
        request.http_request.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def carry_out(client, call, heard):
    """Makes one call, and gives what it showed. What is heard of answers is put down."""

    def hear(response):
        answer = response.http_response
        heard.update(status=answer.status_code, etag=answer.headers.get("ETag"))

    where = [call["resourceGroup"], call["service"]]
    workspace = call.get("workspace")
    if workspace and not hasattr(client, "workspace_backend"):
        return {"lacks": "workspaces"}
    backends = client.workspace_backend if workspace else client.backend
    if workspace:
        where.append(workspace)
    hook = {"raw_response_hook": hear}
    if call["do"] == "list":
        every = backends.list_by_workspace if workspace else backends.list_by_service
        asked = {key: call[key] for key in ("filter", "top", "skip") if key in call}
        pages = every(*where, **asked, **hook).by_page()
        return {"pages": [[shown(backend) for backend in page] for page in pages]}
    where.append(call["backend"])
    match call["do"]:
        case "etag":
            backends.get_entity_tag(*where, **hook)
            return {}
        case "get":
            return {"backend": shown(backends.get(*where, **hook))}
        case "put":
            whole = models.BackendContract.deserialize(call["body"])
            done = backends.create_or_update(*where, whole, if_match=call.get("ifMatch"), **hook)
            return {"backend": shown(done)}
        case "retitle":
            read = backends.get(*where, **hook)
            read.title = call["title"]
            done = backends.create_or_update(*where, read, if_match=heard["etag"], **hook)
            return {"backend": shown(done)}
        case "patch":
            part = models.BackendUpdateParameters.deserialize(call["body"])
            done = backends.update(*where, call["ifMatch"], part, **hook)
            return {"backend": shown(done)}
        case "delete":
            backends.delete(*where, call["ifMatch"], **hook)
            return {}
        case "reconnect" if not hasattr(backends, "reconnect"):
            return {"lacks": "reconnect"}
        case "reconnect":
            after = timedelta(seconds=call["after"]) if "after" in call else None
            body = models.BackendReconnectContract(after=after) if after else None
            backends.reconnect(*where, body, **hook)
            return {}


def shown(backend):
    """A backend as the package has it, in the words of the wire."""
    return backend.serialize(keep_readonly=True)


def said(client, call):
    heard = {}
    try:
        return {**carry_out(client, call, heard), **heard}
    except HttpResponseError as error:
        problem = error.error
        targets = [detail.target for detail in (problem and problem.details) or []]
        return {
            "status": error.status_code,
            "code": problem and problem.code,
            "targets": targets,
        }
    except (ServiceRequestError, ServiceResponseError) as error:
        return {"broken": str(error)}
    except ValueError as error:
        return {"refused": str(error)}


def main():
    client = ApiManagementClient(
        credential=object(),
        subscription_id=os.environ["SUBSCRIPTION"],
        base_url=os.environ["ARM"],
        authentication_policy=Bearer(),
    )
    for line in sys.stdin:
        print(json.dumps(said(client, json.loads(line))), flush=True)


main()
