export * from './create-policy';
export * from './policy';
