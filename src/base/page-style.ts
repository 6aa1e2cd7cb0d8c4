/**
 * How the pages for people look. Each page adds styles of its own.
 *
 * @module
 */

/** Every text has a contrast of at least 4.5 with its ground. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --text: #e6e9ed; --soft: #a5adb8;
  --line: #3a424c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2rem; }
code { font: .9em ui-monospace, monospace; }
`

/** On a phone each row is a block, because columns would be too narrow for words. */
export const TABLE_STYLE = `
table { width: 100%; border-collapse: collapse; margin-bottom: 1rem; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); }
th { overflow-wrap: normal; } .word { white-space: nowrap; } .flag { display: inline-block; }
@media (max-width: 45rem) {
  table, caption, tbody, tr, td, tbody th { display: block; }
  thead, .none { display: none; } .word { white-space: normal; }
  tr { border-top: 1px solid var(--line); padding: .4rem 0; } th, td { border: 0; padding: 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); } }
`
