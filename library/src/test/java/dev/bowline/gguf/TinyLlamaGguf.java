package dev.bowline.gguf;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorBytes;
import dev.bowline.safetensors.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// A GGUF file of a tiny Llama in float32, with a vocabulary of single characters, for a llama.cpp to load.
public final class TinyLlamaGguf {

    /// The first id that stands for a character.
    private static final int FIRST_CHARACTER = 4;

    private static final Map<String, String> NORMS = Map.of(
            "input_layernorm", "attn_norm",
            "post_attention_layernorm", "ffn_norm");

    private TinyLlamaGguf() {}

    /// The text of an id.
    public static String text(int id) {
        return id < FIRST_CHARACTER - 1 ? "" : id < FIRST_CHARACTER ? "\\n" : String.valueOf((char) ('!' + id - 4));
    }

    /// The id of a character.
    public static int id(char character) {
        return character - '!' + FIRST_CHARACTER;
    }

    /// @param checkpoint a directory with config.json and one file of float32 weights
    /// @param changed weights in place of the checkpoint's, row after row, by their key
    public static void write(Path checkpoint, Map<String, float[]> changed, Path target) {
        JsonObject config = Json.parse(checkpoint.resolve("config.json")).asObject();
        try (SafetensorsFile weights = SafetensorsFile.open(checkpoint.resolve("model.safetensors"))) {
            List<GgufTensor> tensors = new ArrayList<>();
            for (TensorEntry entry : weights.entries().values()) {
                float[] values = changed.getOrDefault(entry.name(), floats(weights.bytes(entry.name())));
                tensors.add(tensor(entry.name(), entry.shape(), values, config));
            }
            changed.forEach((name, values) -> {
                if (!weights.entries().containsKey(name)) {
                    long width = config.requireLong("hidden_size");
                    tensors.add(tensor(name, List.of(values.length / width, width), values, config));
                }
            });
            new GgufFile(metadata(config), tensors).write(target);
        }
    }

    /// The values of a float32 tensor.
    public static float[] floats(MemorySegment bytes) {
        float[] values = new float[(int) (bytes.byteSize() / Float.BYTES)];
        bytes.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    private static GgufTensor tensor(String key, List<Long> shape, float[] values, JsonObject config) {
        String module = key.substring(0, key.length() - ".weight".length());
        if (shape.size() == 1) {
            return new GgufTensor(normName(module), GgufType.F32, shape, bytes(values));
        }
        GgufPart part = GgufArchitecture.LLAMA.parts(module).getFirst();
        int rows = Math.toIntExact(shape.getFirst());
        int width = values.length / rows;
        float[] ordered = new float[values.length];
        for (int row = 0; row < rows; row++) {
            int source = (int) part.sourceRow(
                    row, rows, config.requireInt("num_attention_heads"), config.requireInt("num_key_value_heads"));
            System.arraycopy(values, source * width, ordered, row * width, width);
        }
        return new GgufTensor(part.name(), GgufType.F32, shape, bytes(ordered));
    }

    private static String normName(String module) {
        if (module.equals("model.norm")) {
            return "output_norm.weight";
        }
        String[] names = module.split("\\.");
        return "blk.%s.%s.weight".formatted(names[2], NORMS.get(names[3]));
    }

    private static TensorBytes bytes(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return TensorBytes.of(MemorySegment.ofArray(bytes.array()));
    }

    private static SequencedMap<String, GgufValue> metadata(JsonObject config) {
        SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
        metadata.put("general.architecture", new GgufValue.Text("llama"));
        metadata.put("general.type", new GgufValue.Text("model"));
        metadata.put("general.file_type", new GgufValue.Unsigned(0));
        Map.of(
                        "block_count", "num_hidden_layers",
                        "context_length", "max_position_embeddings",
                        "embedding_length", "hidden_size",
                        "feed_forward_length", "intermediate_size",
                        "vocab_size", "vocab_size",
                        "attention.head_count", "num_attention_heads",
                        "attention.head_count_kv", "num_key_value_heads",
                        "rope.dimension_count", "head_dim")
                .forEach((key, name) -> metadata.put("llama." + key, new GgufValue.Unsigned(config.requireLong(name))));
        metadata.put("llama.attention.layer_norm_rms_epsilon", new GgufValue.Real((float)
                config.requireDouble("rms_norm_eps")));
        metadata.put("llama.rope.freq_base", new GgufValue.Real(10_000));
        vocabulary(config.requireInt("vocab_size"), metadata);
        return metadata;
    }

    private static void vocabulary(int size, SequencedMap<String, GgufValue> metadata) {
        List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>", "<0x0A>"));
        List<Integer> types = new ArrayList<>(List.of(2, 3, 3, 6));
        List<Float> scores = new ArrayList<>(List.of(0f, 0f, 0f, 0f));
        for (int id = FIRST_CHARACTER; id < size; id++) {
            tokens.add(text(id));
            types.add(1);
            scores.add((float) -id);
        }
        metadata.put("tokenizer.ggml.model", new GgufValue.Text("llama"));
        metadata.put("tokenizer.ggml.tokens", new GgufValue.Texts(tokens));
        metadata.put("tokenizer.ggml.scores", new GgufValue.Reals(scores));
        metadata.put("tokenizer.ggml.token_type", new GgufValue.Integers(types));
        metadata.put("tokenizer.ggml.bos_token_id", new GgufValue.Unsigned(1));
        metadata.put("tokenizer.ggml.eos_token_id", new GgufValue.Unsigned(2));
        metadata.put("tokenizer.ggml.unknown_token_id", new GgufValue.Unsigned(0));
        metadata.put("tokenizer.ggml.add_bos_token", new GgufValue.Flag(true));
        metadata.put("tokenizer.ggml.add_space_prefix", new GgufValue.Flag(false));
    }
}
