import type { FastifyReply, FastifyRequest } from 'fastify';
import { json } from '../answers.js';

const STATUS_WORDS: Readonly<Record<number, string>> = {
  500: 'Internal server error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** doc: every error is `{statusCode, message, path, timestamp}`. `more` is for `quota`. */
export function refuse(request: FastifyRequest, reply: FastifyReply, status: number, message?: string, more?: object): FastifyReply {
  return json(reply, status, {
    statusCode: status,
    message: message ?? STATUS_WORDS[status] ?? 'Error',
    ...more,
    path: request.url,
    timestamp: new Date().toISOString(),
  });
}
