import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** In place of a message that cannot be read. gRPC itself would answer INTERNAL; the real server answers UNKNOWN. */
export const MALFORMED = Symbol('malformed message');

/** The service with methods that give MALFORMED to the interceptors where they could not read a message. */
export const readingAll = (service: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(Object.entries(service).map(([name, method]) => [name, readingAllOf(method)]));

function readingAllOf(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  const requestDeserialize = (bytes: Buffer): unknown => {
    try {
      return method.requestDeserialize(bytes);
    } catch {
      return MALFORMED;
    }
  };
  return { ...method, requestDeserialize };
}
