package dev.bowline.report;

/// The look of a page, light and dark: every colour is a variable, so that no pair of text and background is
/// left from the other scheme.
final class PageStyle {

    static final String CSS = """
            :root{color-scheme:light dark;--ink:#1c1c1e;--muted:#5f6368;--page:#fff;--line:#dadce0;--code:#f3f3f5;--link:#1a56b0;
            --good:#2e7d32;--good-bg:#eef6ee;--bad:#b3261e;--bad-bg:#fbeceb;--risk:#b26a00;--risk-bg:#fdf3e3;--note:#2b5fa8;--note-bg:#ebf1fa}
            @media (prefers-color-scheme:dark){:root{--ink:#d5d7da;--muted:#9aa0a6;--page:#17181a;--line:#36383c;--code:#232528;--link:#8ab4f8;
            --good:#5f9e63;--good-bg:#1c261d;--bad:#d9736b;--bad-bg:#2d1e1d;--risk:#c9953f;--risk-bg:#2b2418;--note:#6f9bd8;--note-bg:#1b2430}}
            body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--page)}
            h1{font-size:1.4rem;margin-bottom:.2rem}h2{font-size:1.05rem;overflow-wrap:anywhere;margin:2.2rem 0 .3rem}
            a{color:var(--link)}.muted{color:var(--muted)}
            .verdict{padding:.6rem .9rem;border-radius:.4rem;border-left:.35rem solid var(--good);background:var(--good-bg)}
            .critical .verdict,.unreadable .verdict{border-color:var(--bad);background:var(--bad-bg)}
            .high .verdict{border-color:var(--risk);background:var(--risk-bg)}
            .medium .verdict,.low .verdict{border-color:var(--note);background:var(--note-bg)}
            table{border-collapse:collapse;width:100%;margin:.8rem 0}
            th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
            td:last-child,p,li{overflow-wrap:anywhere}
            tr.wrong td{background:var(--bad-bg)}
            .rank{font-weight:600;white-space:nowrap}.rank.critical,.rank.unreadable{color:var(--bad)}.rank.high{color:var(--risk)}
            .rank.medium,.rank.low{color:var(--note)}.rank.clean{color:var(--good)}
            details{border:1px solid var(--line);border-radius:.4rem;padding:.5rem .8rem;margin:.5rem 0}
            summary{cursor:pointer}.tag{display:inline-block;min-width:4.5rem}
            code{font:13px/1.5 ui-monospace,monospace;background:var(--code);padding:.1rem .3rem;border-radius:.2rem;overflow-wrap:anywhere}
            @media print{body{max-width:none;margin:0}}
            """;

    private PageStyle() {}
}
