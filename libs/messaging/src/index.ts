export * from './messaging';
export * from './options';
export { contextOf, encodeAnswer, toFerryError, type AnswerPacket } from './packet';
export * from './validation';
