// Drives the Node.js SDK: one call per line of JSON in, one answer per line out.
// The first line in says where and as whom to call. Started by client.py, with the folder
// that the packages are installed in as its argument.
"use strict";

const path = require("path");
const { createInterface } = require("readline");
const { createRequire } = require("module");

const installed = createRequire(path.join(process.argv[2], "package.json"));
const ecs = installed("@alicloud/ecs20140526");
const { $OpenApiUtil } = installed("@alicloud/openapi-core");

function connect(config) {
  const settings = {
    accessKeyId: config.key_id,
    accessKeySecret: config.secret,
    endpoint: config.endpoint,
    protocol: config.protocol,
    regionId: config.region,
  };
  if (config.token) {
    settings.securityToken = config.token;
  }
  return new ecs.default(new $OpenApiUtil.Config(settings));
}

function requestOf(action, params) {
  const Request = ecs[`${action}Request`];
  const fields = Object.entries(Request.names()).filter(([, name]) => name in params);
  return new Request(Object.fromEntries(fields.map(([field, name]) => [field, params[name]])));
}

async function perform(client, action, params) {
  const method = action[0].toLowerCase() + action.slice(1);
  try {
    const response = await client[method](requestOf(action, params));
    return { status: response.statusCode, code: null, answer: response.body.toMap() };
  } catch (error) {
    if (!error.statusCode) {
      throw error;
    }
    return { status: error.statusCode, code: error.code, answer: error.data };
  }
}

async function main() {
  let client = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (client === null) {
      client = connect(message);
    } else {
      const entry = await perform(client, message.action, message.params);
      process.stdout.write(JSON.stringify(entry) + "\n");
    }
  }
}

main();
