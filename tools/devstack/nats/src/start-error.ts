/** Why the server did not start. */
export type StartErrorCode = 'PORT_TAKEN' | 'PORT_INVALID' | 'HOST_NOT_LOOPBACK' | 'LISTEN_FAILED';

export class StartError extends Error {
  override readonly name = 'StartError';

  constructor(readonly code: StartErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
