package dev.bowline.statedict;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Every key and every slot is explained, and what was read under a name is saved under it.
class KeyMapTest {

    @Test
    void aKeyFillsTheSlotOfItsName() {
        KeyMap map = KeyMap.of(List.of(), List.of("b", "a"), List.of("a", "b"));

        assertEquals(List.of(same("b", "b"), same("a", "a")), map.groups());
        assertEquals("a", map.keyOf("a"));
        assertDoesNotThrow(() -> map.requireExplained("checkpoint", Set.of()));
    }

    @Test
    void aRenamedKeyIsSavedUnderTheSpellingThatWasRead() {
        List<WeightRule> rules = List.of(new WeightRule.Rename("layers.{}.moe.down", "layers.{}.experts.down"));
        List<String> slots = List.of("layers.0.experts.down", "layers.10.experts.down");

        KeyMap older = KeyMap.of(rules, List.of("layers.0.moe.down", "layers.10.experts.down"), slots);

        assertEquals("layers.0.moe.down", older.keyOf("layers.0.experts.down"));
        assertEquals("layers.10.experts.down", older.keyOf("layers.10.experts.down"));
        assertTrue(older.empty().isEmpty() && older.unknown().isEmpty());
    }

    @Test
    void renamesFollowEachOtherAndAreUndoneInReverse() {
        List<WeightRule> rules = List.of(
                new WeightRule.Rename("model.language_model.{rest}", "model.{rest}"),
                new WeightRule.Rename("model.layers.{}.moe.{rest}", "model.layers.{}.experts.{rest}"));
        List<String> slots = List.of("model.layers.0.experts.up", "model.layers.1.experts.up", "lm_head.weight");

        KeyMap map = KeyMap.of(rules, List.of("model.language_model.layers.0.moe.up"), slots);

        assertEquals("model.language_model.layers.0.moe.up", map.keyOf("model.layers.0.experts.up"));
        assertEquals("model.language_model.layers.1.moe.up", map.keyOf("model.layers.1.experts.up"));
        assertEquals("lm_head.weight", map.keyOf("lm_head.weight"));
    }

    @Test
    void aRenameThatWasNotSeenIsNotInvented() {
        List<WeightRule> rules = List.of(new WeightRule.Rename("old.{rest}", "new.{rest}"));

        KeyMap map = KeyMap.of(rules, List.of("new.a"), List.of("new.a", "new.b"));

        assertEquals("new.b", map.keyOf("new.b"));
    }

    @Test
    void aKeyThatIsASlotIsNeverRenamedOrIgnored() {
        List<WeightRule> rules =
                List.of(new WeightRule.Rename("a.{rest}", "b.{rest}"), new WeightRule.Ignore("a.{rest}", "never used"));

        KeyMap map = KeyMap.of(rules, List.of("a.x", "a.y"), List.of("a.x"));

        assertEquals(List.of(same("a.x", "a.x")), map.groups());
        assertEquals(List.of("a.y"), map.unknown());
    }

    @Test
    void twoSpellingsOfOneSlotAreRefused() {
        List<WeightRule> rules = List.of(new WeightRule.Rename("old.{rest}", "new.{rest}"));

        BowlineException refused = assertThrows(
                BowlineException.class, () -> KeyMap.of(rules, List.of("new.a", "old.a"), List.of("new.a")));

        assertEquals("'new.a' and 'old.a' are two spellings of slot 'new.a'", refused.problem());
    }

    @Test
    void whatIsIgnoredOrPassedThroughSaysWhy() {
        List<WeightRule> rules = List.of(
                new WeightRule.Ignore("layers.{}.inv_freq", "recomputed from rope_theta"),
                new WeightRule.PassThrough("vision.{rest}", "vision tower"));

        KeyMap map = KeyMap.of(rules, List.of("vision.a", "layers.3.inv_freq", "vision.b.c"), List.of());

        assertEquals(Map.of("layers.3.inv_freq", "recomputed from rope_theta"), map.ignored());
        assertEquals(
                List.of("vision.a", "vision.b.c"),
                List.copyOf(map.passedThrough().keySet()));
        assertEquals("vision tower", map.passedThrough().get("vision.a"));
    }

    @Test
    void anIndexIsANumberAndNothingElse() {
        List<WeightRule> rules = List.of(new WeightRule.Ignore("layers.{}.x", "r"));

        KeyMap map = KeyMap.of(rules, List.of("layers.a.x", "layers.01.x", "layers..x", "layers.1.x.y"), List.of());

        assertEquals(List.of("layers.a.x", "layers.01.x", "layers..x", "layers.1.x.y"), map.unknown());
    }

    @Test
    void aFusedTensorFillsItsParts() {
        List<WeightRule> rules = List.of(new WeightRule.Split("l.{}.qkv", List.of("l.{}.q", "l.{}.k", "l.{}.v")));

        KeyMap map = KeyMap.of(rules, List.of("l.7.qkv"), List.of("l.7.v", "l.7.k", "l.7.q"));

        KeyGroup group = new KeyGroup(KeyGroup.Kind.SPLIT, List.of("l.7.qkv"), List.of("l.7.q", "l.7.k", "l.7.v"));
        assertEquals(List.of(group), map.groups());
        assertTrue(map.empty().isEmpty());
    }

    @Test
    void aFusedTensorWhosePartsAreNotAllSlotsIsUnknown() {
        List<WeightRule> rules = List.of(new WeightRule.Split("l.{}.qk", List.of("l.{}.q", "l.{}.k")));

        KeyMap map = KeyMap.of(rules, List.of("l.7.qk"), List.of("l.7.q"));

        assertEquals(List.of("l.7.qk"), map.unknown());
        assertEquals(List.of("l.7.q"), map.empty());
    }

    @Test
    void expertsAreStackedInOrderWhateverTheOrderOfTheKeys() {
        List<WeightRule> rules = List.of(new WeightRule.Stack(
                List.of("l.{}.experts.{}.gate.weight", "l.{}.experts.{}.up.weight"), "l.{}.experts.gate_up"));
        List<String> keys = List.of(
                "l.0.experts.1.up.weight",
                "l.0.experts.10.gate.weight",
                "l.0.experts.10.up.weight",
                "l.0.experts.1.gate.weight");
        List<String> rest = Stream.of(0, 2, 3, 4, 5, 6, 7, 8, 9)
                .flatMap(e ->
                        Stream.of("l.0.experts.%d.gate.weight".formatted(e), "l.0.experts.%d.up.weight".formatted(e)))
                .toList();
        List<String> all = Stream.concat(keys.stream(), rest.stream()).toList();

        KeyMap map = KeyMap.of(rules, all, List.of("l.0.experts.gate_up"));

        KeyGroup group = map.groups().getFirst();
        assertEquals(KeyGroup.Kind.STACK, group.kind());
        assertEquals(List.of("l.0.experts.gate_up"), group.slots());
        assertEquals(22, group.keys().size());
        assertEquals("l.0.experts.0.gate.weight", group.keys().get(0));
        assertEquals("l.0.experts.0.up.weight", group.keys().get(1));
        assertEquals("l.0.experts.10.up.weight", group.keys().get(21));
        assertEquals(1, map.groups().size());
    }

    @Test
    void aStackWithAHoleIsRefused() {
        List<WeightRule> rules = List.of(new WeightRule.Stack(List.of("e.{}.w"), "experts"));

        BowlineException refused = assertThrows(
                BowlineException.class, () -> KeyMap.of(rules, List.of("e.0.w", "e.2.w"), List.of("experts")));

        assertEquals(
                "slot 'experts' lacks 'e.{}.w' of expert 1; the checkpoint has experts up to 2", refused.problem());
    }

    @Test
    void aStackAndItsOwnNameAreTwoSpellings() {
        List<WeightRule> rules = List.of(new WeightRule.Stack(List.of("e.{}.w"), "experts"));

        assertThrows(BowlineException.class, () -> KeyMap.of(rules, List.of("experts", "e.0.w"), List.of("experts")));
        assertThrows(BowlineException.class, () -> KeyMap.of(rules, List.of("e.0.w", "experts"), List.of("experts")));
    }

    @Test
    void aPrefixIsUndoneForSlotsBesideAStackToo() {
        List<WeightRule> rules = List.of(
                new WeightRule.Rename("old.{rest}", "new.{rest}"),
                new WeightRule.Stack(List.of("new.{}.w"), "new.all"));

        KeyMap map = KeyMap.of(rules, List.of("old.0.w"), List.of("new.all", "new.norm"));

        assertEquals("old.norm", map.keyOf("new.norm"));
    }

    @Test
    void theUnexplainedIsRefusedWithTheNearestNames() {
        KeyMap map = KeyMap.of(
                List.of(),
                List.of("model.norm.weigth", "lm_head.weight"),
                List.of("model.norm.weight", "lm_head.weight", "tied.weight"));

        BowlineException refused =
                assertThrows(BowlineException.class, () -> map.requireExplained("dir", Set.of("tied.weight")));

        assertEquals("""
                dir does not fit the model:
                  no slot for 'model.norm.weigth' (nearest: 'model.norm.weight')
                  nothing for slot 'model.norm.weight' (nearest: 'model.norm.weigth')""", refused.problem());
    }

    @Test
    void aLongListOfTheUnexplainedIsCut() {
        List<String> keys = IntStream.range(0, 30).mapToObj(i -> "key" + i).toList();
        KeyMap map = KeyMap.of(List.of(), keys, List.of());

        BowlineException refused = assertThrows(BowlineException.class, () -> map.requireExplained("dir", Set.of()));

        assertTrue(refused.problem().endsWith("'key7'\n  and 22 more"), refused.problem());
    }

    @Test
    void aRuleWhoseHolesDoNotFitIsTheCallersBug() {
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Rename("a.{}", "b"));
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Rename("a", "b.{}"));
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Rename("a.{}", "b.{rest}"));
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Split("a.{}", List.of("b.{}", "c")));
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Stack(List.of("a.{}"), "b.{}"));
        assertThrows(IllegalArgumentException.class, () -> new WeightRule.Ignore("a.{layer}", "r"));
    }

    private static KeyGroup same(String key, String slot) {
        return new KeyGroup(KeyGroup.Kind.SAME, List.of(key), List.of(slot));
    }
}
