import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ANSWERS } from './answers';
import { describe, isDescribable } from './describe';

type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

const DESCRIPTION =
  'Ferry, the cross-provider asset system. One call gives a reference that the target provider accepts now: PUT /v1/assets/{assetId}/provider-urls/{providerId}.';

/** The classes that the routes validate: bodies, paths and queries. */
const parameterTypes = (controllers: readonly Type[]): unknown[] =>
  controllers.flatMap(({ prototype }) =>
    Object.getOwnPropertyNames(prototype).flatMap((method) => (Reflect.getMetadata('design:paramtypes', prototype as object, method) ?? []) as unknown[]),
  );

/** OpenAPI 3.1 of the public routes. */
export const apiDocument = (app: NestFastifyApplication, controllers: readonly Type[]): OpenAPIObject => {
  const described = new Set<Type>();
  for (const type of parameterTypes(controllers)) if (isDescribable(type)) describe(type, described);
  const head = new DocumentBuilder().setTitle('Ferry').setDescription(DESCRIPTION).setVersion('1').setOpenAPIVersion('3.1.0').addBearerAuth().build();
  const document = SwaggerModule.createDocument(app, head, { operationIdFactory: (controller, method) => `${controller.replace('Controller', '')}.${method}` });
  for (const path of Object.keys(document.paths)) if (!path.startsWith('/v1/')) delete document.paths[path];
  // The types of the library know OpenAPI 3.0 alone.
  const schemas = { ...document.components?.schemas, ...ANSWERS } as unknown as Schemas;
  return { ...document, components: { ...document.components, schemas } };
};

/** /openapi.json, and Swagger UI at /docs. */
export const serveDocument = (app: NestFastifyApplication, document: OpenAPIObject): void =>
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', raw: ['json'], customSiteTitle: 'Ferry API' });
