export * from './messaging';
export * from './options';
export { contextOf, toFerryError } from './packet';
export * from './validation';
