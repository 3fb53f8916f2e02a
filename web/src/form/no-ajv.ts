// @rjsf/core names the ajv validator in a test helper only; this portal has its own validator.
export default {};
