/** Injection tokens of what the host gives to every service. */
export const LOGGER = Symbol('Logger');
export const HEALTH = Symbol('Health');
export const MESSAGING = Symbol('Messaging');
export const SERVICE_NAME = Symbol('ServiceName');
