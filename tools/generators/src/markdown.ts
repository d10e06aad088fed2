const NOTICE = '<!-- Made from the code by `npm run docs`. Change the code, not this file. -->';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();

export const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

/** A whole generated page. */
export const page = (title: string, ...parts: readonly string[]): string => `${NOTICE}\n# ${title}\n\n${parts.join('\n\n')}\n`;
