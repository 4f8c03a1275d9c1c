package dev.bowline.evaluate;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The arguments of a tool call as Gemma 4 writes them: `{key:<|"|>text<|"|>,other:7,list:[true,{a:1}]}`, with bare
/// keys or keys in the same quotes.
///
/// @param value empty if the text is not of this form
/// @param end the position after the arguments, or the end of the text
record GemmaArguments(Optional<JsonObject> value, int end) {

    private static final String QUOTE = "<|\"|>";

    /// @param from the position of the opening brace
    static GemmaArguments read(String text, int from) {
        Reader reader = new Reader(text, from);
        try {
            JsonObject object = reader.object();
            return new GemmaArguments(Optional.of(object), reader.at);
        } catch (Malformed _) {
            return new GemmaArguments(Optional.empty(), text.length());
        }
    }

    /// The text is not of this form.
    private static final class Malformed extends Exception {

        private static final long serialVersionUID = 1;

        Malformed() {
            super("no arguments of Gemma 4", null, false, false);
        }
    }

    private static final class Reader {

        private static final int DEEPEST = 64;

        private final String text;
        private int at;
        private int depth;

        Reader(String text, int at) {
            this.text = text;
            this.at = at;
        }

        JsonObject object() throws Malformed {
            enter('{');
            JsonObject object = JsonObject.of();
            while (!ends('}')) {
                String key = key();
                expect(':');
                object = object.with(key, value());
                separate('}');
            }
            depth--;
            return object;
        }

        private JsonArray array() throws Malformed {
            enter('[');
            List<JsonValue> values = new ArrayList<>();
            while (!ends(']')) {
                values.add(value());
                separate(']');
            }
            depth--;
            return JsonValue.of(values);
        }

        private void enter(char open) throws Malformed {
            expect(open);
            depth++;
            if (depth > DEEPEST) {
                throw new Malformed();
            }
        }

        private String key() throws Malformed {
            if (text.startsWith(QUOTE, at)) {
                return quoted();
            }
            int colon = text.indexOf(':', at);
            if (colon <= at) {
                throw new Malformed();
            }
            String key = text.substring(at, colon);
            at = colon;
            return key.strip();
        }

        private JsonValue value() throws Malformed {
            if (text.startsWith(QUOTE, at)) {
                return JsonValue.of(quoted());
            }
            if (at < text.length() && text.charAt(at) == '{') {
                return object();
            }
            if (at < text.length() && text.charAt(at) == '[') {
                return array();
            }
            return literal();
        }

        /// A number, `true`, `false` or `null`.
        private JsonValue literal() throws Malformed {
            int end = at;
            while (end < text.length() && ",]}".indexOf(text.charAt(end)) < 0) {
                end++;
            }
            try {
                JsonValue value = Json.parse(text.substring(at, end).strip(), "the arguments");
                at = end;
                return value;
            } catch (BowlineException _) {
                throw new Malformed();
            }
        }

        private String quoted() throws Malformed {
            int from = at + QUOTE.length();
            int to = text.indexOf(QUOTE, from);
            if (to < 0) {
                throw new Malformed();
            }
            at = to + QUOTE.length();
            return text.substring(from, to);
        }

        private boolean ends(char close) throws Malformed {
            if (at >= text.length()) {
                throw new Malformed();
            }
            if (text.charAt(at) != close) {
                return false;
            }
            at++;
            return true;
        }

        /// A comma, or the closing character, which stays.
        private void separate(char close) throws Malformed {
            if (at < text.length() && text.charAt(at) == ',') {
                at++;
            } else if (at >= text.length() || text.charAt(at) != close) {
                throw new Malformed();
            }
        }

        private void expect(char one) throws Malformed {
            if (at >= text.length() || text.charAt(at) != one) {
                throw new Malformed();
            }
            at++;
        }
    }
}
