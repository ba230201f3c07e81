/** Markup that is safe as it stands; only {@link html} makes it from untrusted text. */
export class Html {
  readonly markup: string

  constructor(markup: string) {
    this.markup = markup
  }
}

/** What may stand in a template: text and numbers are escaped, markup stays, lists are joined, nothing vanishes. */
export type HtmlValue = string | number | Html | undefined | readonly HtmlValue[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for HTML's content and quoted attributes; control characters that pages may not hold become �. */
export function escapeHtml(text: string): string {
  const printable = text.replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd')
  return printable.replace(/[&<>"']/g, (character) => entities[character] as string)
}

/** A template whose values are escaped unless they are {@link Html}; attributes must be quoted. */
export function html(pieces: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(pieces.map((piece, i) => (i === 0 ? piece : markupOf(values[i - 1]) + piece)).join(''))
}

function markupOf(value: HtmlValue): string {
  if (value instanceof Html) return value.markup
  if (value === undefined) return ''
  return typeof value === 'object' ? value.map(markupOf).join('') : escapeHtml(String(value))
}
