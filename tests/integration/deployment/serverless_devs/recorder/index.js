// A component of Serverless Devs that deploys nothing: it prints what it was given to deploy.
module.exports = class Recorder {
  async deploy(inputs) {
    console.log(`PROPS ${JSON.stringify(inputs.props)}`);
    return {};
  }
};
module.exports.default = module.exports;
