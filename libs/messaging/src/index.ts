export { acceptor, compileValidator } from './compiled-validator';
export * from './messaging';
export * from './options';
export { contextOf, encodeAnswer, isSilence, toFerryError, type AnswerPacket } from './packet';
export * from './validation';
export { type Served, type ServeOptions } from './request-service';
