// SPDX-License-Identifier: Apache-2.0
// Texts and data for use inside an HTML page.

/** A text as HTML. It can also be used within quotation marks. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** JSON for use inside a script element, where nothing in it may look like markup. */
export const scriptJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll('<', '\\u003c');
