// Its decorators need it, whoever loads them first.
import 'reflect-metadata';
export * from './cache.dto';
export * from './cache-statistics.dto';
export * from './capture.dto';
export * from './catalog.dto';
export * from './common.dto';
export * from './http-status';
export * from './lineage.dto';
export * from './provider.dto';
export * from './subjects';
export * from './transfer.dto';
export * from './warming.dto';
