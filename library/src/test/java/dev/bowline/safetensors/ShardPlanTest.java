package dev.bowline.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;

/// Tensors are cut into files where Hugging Face cuts them.
class ShardPlanTest {

    @Test
    void everyPlanIsHuggingFaces() throws Exception {
        List<JsonObject> cases = Json.parse(ReferenceFileTest.fixture("shard_plans.json"))
                .asArray()
                .objects();
        for (JsonObject expected : cases) {
            ShardPlan plan = ShardPlan.of(sizes(expected.requireArray("sizes").longs()), expected.requireLong("limit"));

            Map<String, List<String>> files = new LinkedHashMap<>();
            plan.shards().forEach(shard -> files.put(shard.fileName(), shard.tensors()));
            Map<String, List<String>> wanted = new LinkedHashMap<>();
            expected.requireObject("files")
                    .fields()
                    .forEach((file, tensors) ->
                            wanted.put(file, tensors.asArray().strings()));
            assertEquals(wanted, files, expected.toString());
        }
        assertEquals(48, cases.size());
    }

    @Test
    void aShardCountsTheBytesOfItsTensors() {
        ShardPlan plan = ShardPlan.of(sizes(List.of(6L, 6L, 2L)), 10);

        assertEquals(
                List.of(6L, 8L),
                plan.shards().stream().map(ShardPlan.Shard::bytes).toList());
    }

    @Test
    void noTensorsAreOneFile() {
        ShardPlan plan = ShardPlan.of(new LinkedHashMap<>(), 10);

        assertEquals(List.of(new ShardPlan.Shard("model.safetensors", List.of(), 0)), plan.shards());
        assertFalse(plan.isSharded());
    }

    @Test
    void aLimitOfNothingIsTheCallersBug() {
        assertThrows(IllegalArgumentException.class, () -> ShardPlan.of(new LinkedHashMap<>(), 0));
    }

    private static SequencedMap<String, Long> sizes(List<Long> bytes) {
        SequencedMap<String, Long> sizes = new LinkedHashMap<>();
        bytes.forEach(size -> sizes.put("t%02d".formatted(sizes.size()), size));
        return sizes;
    }
}
