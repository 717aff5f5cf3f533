#include "site/page.h"

/* One sheet for all pages: one column, a card for what is asked, tables that become lists where the
 * screen is narrow. */
const char site_css[] =
    ":root{--ink:#1c2430;--soft:#5b6573;--line:#d8dde4;--paper:#f5f6f8;--card:#fff;--accent:#"
    "1f5fbf;"
    "--on-accent:#fff;--bad:#b3261e;--bad-paper:#fdecea;--good-paper:#e7f3ea;--good:#1d6b36}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b3;--line:#333c48;"
    "--paper:#14181e;--card:#1c222a;--accent:#7fb0ff;--on-accent:#0d1520;--bad:#ff9c94;"
    "--bad-paper:#3a1f1d;--good-paper:#1b3123;--good:#8fd6a6}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,Cantarell,\"Noto Sans\",sans-serif}\n"
    "header{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;align-items:center;padding:.75rem "
    "1.25rem;"
    "background:var(--card);border-bottom:1px solid var(--line)}\n"
    ".brand{font-weight:700;letter-spacing:.01em;color:var(--ink);text-decoration:none}\n"
    "nav{display:flex;gap:1rem}\n"
    ".who{margin-left:auto;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;"
    "color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}\n"
    "main{margin:2rem auto;padding:0 1rem}\n"
    "main.narrow{max-width:27rem}main.wide{max-width:62rem}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}\n"
    "h2{font-size:1.1rem;margin:0 0 .75rem}\n"
    "h3{font-size:1rem;margin:1.25rem 0 .5rem}\n"
    "a{color:var(--accent)}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.25rem;"
    "margin:0 0 1.25rem}\n"
    "p{margin:0 0 .75rem}.card>:last-child,form>:last-child{margin-bottom:0}\n"
    ".field{display:block}\n"
    "label{display:block;font-weight:600;font-size:.9rem;margin-bottom:.25rem}\n"
    "input,select{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid "
    "var(--soft);border-radius:6px;padding:.5rem .65rem;min-height:2.6rem}\n"
    "td select{width:auto;min-height:2.1rem;padding:.25rem .5rem}\n"
    ".hint{display:block;color:var(--soft);font-size:.85rem;margin-top:.25rem}\n"
    "button,.button{display:inline-block;font:inherit;font-weight:600;cursor:pointer;"
    "background:var(--accent);color:var(--on-accent);border:1px solid "
    "var(--accent);border-radius:6px;"
    "padding:.5rem 1rem;min-height:2.6rem;text-decoration:none}\n"
    "button.quiet,.button.quiet,button.danger{background:transparent;color:var(--accent);"
    "border-color:var(--line)}\n"
    "button.danger{color:var(--bad)}\n"
    "td button,.who button{padding:.2rem .7rem;min-height:2.1rem;font-size:.9rem}\n"
    ".narrow .card button,.narrow .card .button{width:100%;text-align:center;margin-bottom:.5rem}\n"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}\n"
    ".error,.notice{border-radius:8px;padding:.75rem 1rem;overflow-wrap:anywhere}\n"
    ".error{background:var(--bad-paper);color:var(--bad)}"
    ".notice{background:var(--good-paper);color:var(--good)}\n"
    ".or{display:flex;align-items:center;gap:.75rem;color:var(--soft);font-size:.9rem;margin:1rem "
    "0}"
    ".or::before,.or::after{content:\"\";flex:1;border-top:1px solid var(--line)}\n"
    "table{width:100%;border-collapse:collapse;font-size:.95rem}\n"
    "th{text-align:left;color:var(--soft);font-weight:600;font-size:.85rem}\n"
    "th,td{padding:.5rem .75rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "overflow-wrap:break-word}\n"
    "td:first-child{overflow-wrap:anywhere}\n"
    "tr:last-child td{border-bottom:0}\n"
    "td.acts{white-space:nowrap}td form{display:inline-flex;gap:.4rem;margin:0 .4rem .2rem 0}\n"
    "code,.secret{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.95em}\n"
    ".secret{display:block;background:var(--paper);border:1px solid var(--line);border-radius:6px;"
    "padding:.75rem;overflow-wrap:anywhere;user-select:all}\n"
    ".soft{color:var(--soft)}.app{font-weight:700;overflow-wrap:anywhere}\n"
    ".row{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:0 1rem}\n"
    "@media(max-width:40rem){main{margin:1.25rem auto}.who{margin-left:0;width:100%}"
    "table,tbody,tr,td{display:block}thead{position:absolute;left:-999rem}"
    "tr{border-bottom:1px solid var(--line);padding:.5rem 0}tr:last-child{border-bottom:0}"
    "td{border:0;padding:.15rem 0}td.acts{white-space:normal;padding-top:.4rem}td "
    "form{display:flex;flex-wrap:wrap}"
    "td[data-label]::before{content:attr(data-label) \": \";color:var(--soft);font-size:.85rem}}\n";

/* A bar across a road. */
static const char icon[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" "
    "height=\"32\" rx=\"7\" fill=\"#1f5fbf\"/><path d=\"M6 12h20M10 12v13\" stroke=\"#fff\" "
    "stroke-width=\"4\" stroke-linecap=\"round\"/></svg>\n";

struct str site_icon_view(void)
{
    return str_of(icon, sizeof icon - 1);
}

struct str site_css_view(void)
{
    return str_of(site_css, sizeof site_css - 1);
}
