// Carries out calls with the npm package @azure/arm-apimanagement, as its users would.
//
// A call a line comes in as JSON, and what the package made of it goes out likewise. What is to be
// called, and what has to come of it, is written elsewhere; nothing is decided here.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { ARM, CLIENT, SUBSCRIPTION, TOKEN } = process.env;
const { ApiManagementClient } = createRequire(`${CLIENT}/`)("@azure/arm-apimanagement");

const client = new ApiManagementClient({ getToken: async () => null }, SUBSCRIPTION, {
  endpoint: ARM,
  allowInsecureConnection: true,
});

// The package's own policy refuses to send a token over plain HTTP.
client.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });
client.pipeline.addPolicy({
  name: "bearer",
  sendRequest(request, next) {
    request.headers.set("Authorization", `Bearer ${TOKEN}`);
    return next(request);
  },
});

// Makes one call, and gives what it showed. What is heard of answers is put down.
async function carryOut(call, heard) {
  const onResponse = ({ status, headers }) => {
    Object.assign(heard, { status, etag: headers.get("etag") });
  };
  const { resourceGroup, service, workspace, backend, ifMatch } = call;
  const backends = workspace ? client.workspaceBackend : client.backend;
  if (!backends) return { lacks: "workspaces" };
  const where = [resourceGroup, service, ...(workspace ? [workspace] : [])];
  if (call.do === "list") {
    const { filter, top, skip } = call;
    const every = workspace ? "listByWorkspace" : "listByService";
    const pages = [];
    for await (const page of backends[every](...where, { filter, top, skip, onResponse }).byPage())
      pages.push(page.map(shown));
    return { pages };
  }
  where.push(backend);
  switch (call.do) {
    case "etag":
      await backends.getEntityTag(...where, { onResponse });
      return {};
    case "get":
      return { backend: shown(await backends.get(...where, { onResponse })) };
    case "put": {
      const options = { ifMatch, onResponse };
      return {
        backend: shown(await backends.createOrUpdate(...where, model(call.body), options)),
      };
    }
    case "retitle": {
      const read = await backends.get(...where, { onResponse });
      read.title = call.title;
      const options = { ifMatch: read.eTag, onResponse };
      return { backend: shown(await backends.createOrUpdate(...where, read, options)) };
    }
    case "patch": {
      const part = model(call.body);
      return { backend: shown(await backends.update(...where, ifMatch, part, { onResponse })) };
    }
    case "delete":
      await backends.delete(...where, ifMatch, { onResponse });
      return {};
    case "reconnect": {
      if (!backends.reconnect) return { lacks: "reconnect" };
      const parameters = "after" in call ? { after: `PT${call.after}S` } : undefined;
      await backends.reconnect(...where, { parameters, onResponse });
      return {};
    }
  }
}

// The package has what is under `properties` one level higher, and `properties.type` under a name
// of its own.
function model({ properties: { type, ...properties } }) {
  return { ...properties, ...(type && { typePropertiesType: type }) };
}

function shown({ id, name, type, eTag, typePropertiesType, ...properties }) {
  if (typePropertiesType) properties.type = typePropertiesType;
  return { id, name, type, properties };
}

async function said(call) {
  const heard = {};
  try {
    return { ...(await carryOut(call, heard)), ...heard };
  } catch (error) {
    const { name, statusCode: status, code, details, message } = error;
    if (!status) return name === "RestError" ? { broken: message } : { refused: message };
    const targets = (details?.error?.details ?? details?.details ?? []).map(({ target }) => target);
    return { status, code, targets };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await said(JSON.parse(line))));
