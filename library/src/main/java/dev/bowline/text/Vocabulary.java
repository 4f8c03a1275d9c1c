package dev.bowline.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What we need to know of tokenizer.json ourselves: how many ids there are, and the added tokens.
///
/// The file can have a million values, so it is read as a stream and the rest of it is left to the tokenizer.
final class Vocabulary {

    private final Path file;
    private final Set<String> wanted;
    private final Map<String, Integer> ids = new HashMap<>();
    private final BitSet added = new BitSet();
    private int size;

    private Vocabulary(Path file, Set<String> wanted) {
        this.file = file;
        this.wanted = wanted;
    }

    /// @param wanted tokens whose ids will be asked for although they may not be added ones
    static Vocabulary read(Path file, Set<String> wanted) {
        Vocabulary vocabulary = new Vocabulary(file, wanted);
        try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw vocabulary.broken("it is not a JSON object");
            }
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                vocabulary.readField(json);
            }
        } catch (IOException e) {
            throw vocabulary.broken(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("it is not JSON"));
        }
        if (vocabulary.size == 0) {
            throw vocabulary.broken("it has no vocabulary");
        }
        return vocabulary;
    }

    int size() {
        return size;
    }

    boolean isAdded(int id) {
        return added.get(id);
    }

    Optional<Integer> id(String token) {
        return Optional.ofNullable(ids.get(token));
    }

    private void readField(JsonParser json) throws IOException {
        String name = json.currentName();
        JsonToken value = json.nextToken();
        if (name.equals("added_tokens") && value == JsonToken.START_ARRAY) {
            while (json.nextToken() == JsonToken.START_OBJECT) {
                readAddedToken(json);
            }
        } else if (name.equals("model") && value == JsonToken.START_OBJECT) {
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                readModelField(json);
            }
        } else {
            json.skipChildren();
        }
    }

    private void readAddedToken(JsonParser json) throws IOException {
        int id = -1;
        String content = "";
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "id" -> id = json.getIntValue();
                case "content" -> content = json.getText();
                default -> json.skipChildren();
            }
        }
        if (id < 0) {
            throw broken("the added token '%s' has no id".formatted(content));
        }
        ids.put(content, id);
        added.set(id);
        size = Math.max(size, id + 1);
    }

    private void readModelField(JsonParser json) throws IOException {
        String name = json.currentName();
        JsonToken value = json.nextToken();
        if (!name.equals("vocab")) {
            json.skipChildren();
        } else if (value == JsonToken.START_OBJECT) {
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String token = json.currentName();
                json.nextToken();
                note(token, json.getIntValue());
            }
        } else if (value == JsonToken.START_ARRAY) {
            readPairs(json);
        }
    }

    /// A unigram vocabulary: pairs of token and score, whose place is the id.
    private void readPairs(JsonParser json) throws IOException {
        for (int id = 0; json.nextToken() == JsonToken.START_ARRAY; id++) {
            json.nextToken();
            note(json.getText(), id);
            while (json.nextToken() != JsonToken.END_ARRAY) {
                json.skipChildren();
            }
        }
    }

    private void note(String token, int id) {
        if (id < 0) {
            throw broken("the token '%s' has the id %d".formatted(token, id));
        }
        if (wanted.contains(token)) {
            ids.putIfAbsent(token, id);
        }
        size = Math.max(size, id + 1);
    }

    private BowlineException broken(String what) {
        return new BowlineException(
                "%s is not a tokenizer file: %s".formatted(file, what),
                "copy tokenizer.json from the checkpoint again; Git LFS pointer files are about 130 bytes");
    }
}
