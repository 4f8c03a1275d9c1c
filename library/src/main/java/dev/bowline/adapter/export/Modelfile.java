package dev.bowline.adapter.export;

import dev.bowline.audit.evidence.Tokens;
import dev.bowline.files.NewFile;
import dev.bowline.text.StopTokens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// The file from which `ollama create` makes a model: the base, the adapter, and a stop string for every token that
/// ends
/// an answer. The chat template is the base's.
///
/// @param notes missing parts that the user has to add
record Modelfile(String text, List<String> notes) {

    private static final String NAME = "Modelfile";
    private static final String GGUF_BASE = "./base.gguf";

    static Modelfile of(ExportBase base) {
        List<String> notes = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        if (base.isImportedByOllama()) {
            text.append("FROM ")
                    .append(base.directory().toAbsolutePath().normalize())
                    .append('\n');
        } else {
            text.append("FROM ").append(GGUF_BASE).append('\n');
            notes.add(
                    "Ollama does not import the safetensors files of %s; store a GGUF file of the base as %s, in the directory of the Modelfile"
                            .formatted(base.className(), GGUF_BASE));
        }
        text.append("ADAPTER ./").append(GgufExport.FILE).append('\n');
        List<Long> ids =
                StopTokens.in(base.directory()).stream().map(Integer::longValue).toList();
        List<String> stops = Tokens.texts(base.directory(), ids);
        stops.forEach(
                stop -> text.append("PARAMETER stop ").append(quoted(stop)).append('\n'));
        if (stops.size() < ids.size()) {
            notes.add(
                    "tokenizer.json of the base does not name %d of the %d tokens that end an answer; add PARAMETER stop lines"
                            .formatted(ids.size() - stops.size(), ids.size()));
        }
        return new Modelfile(text.toString(), notes);
    }

    private static String quoted(String stop) {
        return stop.contains("\"") ? "\"\"\"" + stop + "\"\"\"" : "\"" + stop + "\"";
    }

    void write(Path directory) throws IOException {
        NewFile.write(directory.resolve(NAME), text);
    }
}
