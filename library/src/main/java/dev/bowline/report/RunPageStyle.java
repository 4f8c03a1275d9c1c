package dev.bowline.report;

/// The rules of CSS that the report of a run has in addition to those of every page.
final class RunPageStyle {

    static final String CSS = """
            :root{--a:#2b5fa8;--b:#c4551d;--grid:#e4e6e9}
            @media (prefers-color-scheme:dark){:root{--a:#6fa3e8;--b:#e8925c;--grid:#2c2f33}}
            .running .verdict{border-color:var(--note);background:var(--note-bg)}
            .failed .verdict{border-color:var(--bad);background:var(--bad-bg)}
            .stopped .verdict{border-color:var(--risk);background:var(--risk-bg)}
            .verdict p{margin:.2rem 0}
            .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.2rem,1fr));gap:.6rem;margin:1rem 0}
            .tiles div{border:1px solid var(--line);border-radius:.4rem;padding:.45rem .7rem}
            .tiles b{display:block;font-size:1.15rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
            .tiles span{color:var(--muted);font-size:.85rem}
            .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:1rem 1.4rem}
            figure{margin:0}figcaption{font-weight:600;font-size:.92rem;margin-bottom:.1rem;overflow-wrap:anywhere}
            figcaption .muted{font-weight:400}
            svg.chart{width:100%;height:auto;display:block}
            svg text{font:12px system-ui,sans-serif;fill:var(--muted);font-variant-numeric:tabular-nums}
            svg .grid{stroke:var(--grid)}svg polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
            svg polyline.a{stroke:var(--a)}svg polyline.b{stroke:var(--b)}
            svg circle.a,svg .band.a{fill:var(--a)}svg circle.b,svg .band.b{fill:var(--b)}svg .band{opacity:.2}
            svg line.restart{stroke:var(--bad);stroke-dasharray:4 3}svg path.restart{fill:var(--bad)}
            svg path.save{fill:var(--good)}svg path.validation{fill:var(--b)}
            .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;color:var(--muted);font-size:.88rem;margin:.4rem 0 .8rem}
            .legend svg{width:12px;height:12px;vertical-align:-1px;margin-right:.35rem}
            .scroll{overflow-x:auto}.scroll td,.scroll th{white-space:nowrap}
            .number{text-align:right;font-variant-numeric:tabular-nums}
            .facts th{white-space:nowrap;font-weight:400;color:var(--muted);width:1%}
            .facts td{overflow-wrap:anywhere}.bars th,.bars td{vertical-align:middle}
            .settings{table-layout:fixed}.settings td{overflow-wrap:anywhere}.settings th:first-child{width:36%}.settings th:last-child{width:30%}
            .notes{padding-left:1.2rem}.notes li{margin:.25rem 0}.notes .warning{color:var(--risk);font-weight:600}
            .answer{white-space:pre-wrap}
            .bar{background:var(--grid);border-radius:.2rem;min-width:6rem}.bar span{display:block;height:.7rem;
            background:var(--a);border-radius:.2rem;min-width:1px}
            @media (max-width:34rem){body{margin:1rem auto}th,td{padding:.25rem .35rem}.facts th{white-space:normal;min-width:6rem}.settings th:first-child{width:48%}
            .settings td:last-child,.settings th:last-child{display:none}}
            """;

    private RunPageStyle() {}
}
