package dev.bowline.report;

/// Parts of a page that needs nothing else: no script, no font, no network.
final class Html {

    /// The end of a page.
    static final String END = "</body></html>\n";

    private Html() {}

    /// The beginning of a page, with its title as the heading.
    ///
    /// @param style further rules of CSS
    static String start(String title, String style) {
        return """
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8">
                <meta name="viewport" content="width=device-width,initial-scale=1">
                <meta name="color-scheme" content="light dark">
                <title>%s</title>
                <style>
                %s%s</style></head><body>
                <h1>%s</h1>
                """.formatted(text(title), PageStyle.CSS, style, text(title));
    }

    /// Text of a page, with characters that are seen.
    static String text(String raw) {
        return escaped(Printable.of(raw));
    }

    /// Text that keeps its line breaks.
    static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
