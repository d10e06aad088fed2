import { applyDecorators, type Type } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { AnswerName } from './answers';

export interface Documentation {
  readonly summary: string;
  readonly answer: AnswerName;
  /** Of the answer; default 200. */
  readonly status?: number;
  /** Other statuses of a good answer, with what they mean. */
  readonly also?: Readonly<Record<number, string>>;
  /** Stable codes by status, besides those that every route has. */
  readonly errors?: Readonly<Record<number, readonly string[]>>;
  /** Changes something: takes an Idempotency-Key, answers with a token. */
  readonly command?: true;
  readonly body?: Type;
}

/** Every call can end so. */
const COMMON: Readonly<Record<number, readonly string[]>> = {
  400: ['VALIDATION_FAILED', 'MALFORMED_TOKEN'],
  401: ['UNAUTHENTICATED'],
  500: ['INTERNAL'],
  503: ['SERVICE_UNAVAILABLE', 'NOT_YET_VISIBLE', 'EVENT_STORE_UNAVAILABLE'],
  504: ['REQUEST_TIMEOUT'],
};

const refusals = (errors: Readonly<Record<number, readonly string[]>>) =>
  Object.keys({ ...COMMON, ...errors }).map((status) => {
    const codes = [...(errors[Number(status)] ?? []), ...(COMMON[Number(status)] ?? [])];
    const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
    return ApiResponse({ status: Number(status), description: codes.map((code) => `\`${code}\``).join(', '), content });
  });

const header = (name: string, description: string) => ApiHeader({ name, description, required: false });

/** What /openapi.json says of a route. */
export const Documented = ({ summary, answer, status = 200, also = {}, errors = {}, command, body }: Documentation): MethodDecorator => {
  const media = answer === 'Content' ? '*/*' : 'application/json';
  const json = { [media]: { schema: { $ref: `#/components/schemas/${answer}` } } };
  return applyDecorators(
    ApiOperation({ summary }),
    ApiResponse({ status, description: summary, content: json }),
    ...Object.entries(also).map(([code, description]) => ApiResponse({ status: Number(code), description, content: json })),
    ...refusals(command ? { ...errors, 400: [...(errors[400] ?? []), 'MALFORMED_JSON'] } : errors),
    header('Ferry-At-Least', 'A Ferry-Token: the answer reflects at least that. The same as the query `atLeast`.'),
    ...(command ? [header('Idempotency-Key', 'Your name for this command, 1 to 100 visible ASCII characters; a repeat of the same changes nothing more.')] : []),
    ...(body ? [ApiBody({ type: body })] : []),
  );
};
