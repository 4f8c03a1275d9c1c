package dev.bowline.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.text.jinja.Rendering.GenerationTracking;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A template that cannot be used says where and why, and nothing it contains can hang, exhaust or escape us.
class TemplateTest {

    private static final Path TEMPLATES = Path.of("src/test/resources/jinja/templates");

    @Test
    void aFailureNamesTheTemplateAndTheLine() {
        String source = "{% if true %}\n\n{{ nothing.there }}{% endif %}";

        BowlineException refused = assertThrows(BowlineException.class, () -> render(source));

        assertEquals("chat_template.jinja, line 3: 'nothing' is undefined", refused.problem());
    }

    @Test
    void aFailureInsideAMacroNamesTheMacrosLine() {
        String source = "{% macro m(x) %}\n{{ x + 1 }}\n{% endmacro %}\n\n{{ m('a') }}";

        BowlineException refused = assertThrows(BowlineException.class, () -> render(source));

        assertTrue(refused.problem().startsWith("chat_template.jinja, line 2: "), refused.problem());
    }

    @Test
    void aSyntaxErrorNamesTheLineOfWhatIsNotClosed() {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> render("a\n{% for x in [1] %}\nb\n\n{{ x }}\n"));

        assertEquals(
                "chat_template.jinja, line 2: the template ends before 'endfor' of the block that begins here",
                refused.problem());
    }

    @Test
    void anUnknownFilterIsAnsweredWithTheNearestOnes() {
        BowlineException refused = assertThrows(BowlineException.class, () -> render("{{ 'a' | lenght }}"));

        assertTrue(refused.problem().contains("nearest: 'length'"), refused.problem());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
                "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
                "{{ 'x' * 999999999 }}",
                "{{ [1] * 999999999 }}",
                "{{ 9 ** (9 ** 9) }}",
                "{{ range(999999999) }}",
                "{{ 'x'.center(999999999) }}",
                "{{ 'x' | indent(999999999) }}",
                "{{ '%9999999d' % 1 }}{{ '{:99999999}'.format(1) }}",
                "{{ [1] | tojson(indent=999999999) }}",
                "{{ [1] | batch(999999999, 0) | list }}",
                "{% set ns = namespace(s='x' * 1000) %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s='x' * 1000) %}{% for i in range(99) %}{% set ns.s = ns.s.replace('x', 'xxxx') %}{% endfor %}",
                "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
                "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}",
                "{% set ns = namespace(l=[], m=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
                "{% set ns = namespace(l=1) %}{% set ns.l = ns %}{{ ns }}"
            })
    void aTemplateCannotRunAwayWithTheMachine(String source) {
        assertThrows(BowlineException.class, () -> render(source));
    }

    @Test
    void nestingInTheSourceIsBounded() {
        for (String source : List.of(
                "{{ " + "(".repeat(20_000) + "1" + ")".repeat(20_000) + " }}",
                "{{ " + "not ".repeat(20_000) + "1 }}",
                "{{ " + "-".repeat(20_000) + "1 }}",
                "{{ 1" + " + 1".repeat(20_000) + " }}",
                "{{ x" + ".x".repeat(20_000) + " }}",
                "{{ x" + " | upper".repeat(20_000) + " }}",
                "{{ 1" + " if 1 else 1".repeat(20_000) + " }}",
                "{% for (" + "(".repeat(20_000) + "a" + ")".repeat(20_000) + ") in [1] %}{% endfor %}",
                "{% if 1 %}".repeat(20_000) + "{% endif %}".repeat(20_000))) {
            assertThrows(BowlineException.class, () -> render(source), source.substring(0, 30));
        }
    }

    @Test
    void longTemplatesAreFine() {
        assertEquals(100_000, render("{{ 'a' }}{# c #}".repeat(100_000)).text().length());
        assertEquals(
                10_001,
                render("{{ 'a'" + " ~ 'a'".repeat(10_000) + " }}").text().length());
    }

    @Test
    void damagedTemplatesFailInNoOtherWay() throws IOException {
        Random random = new Random(5);
        Map<String, Value> variables = Map.of(
                "messages",
                Value.list(List.of(Value.mapping(Map.of("role", Value.of("user"), "content", Value.of("hi"))))));
        List<Path> files;
        try (Stream<Path> all = Files.list(TEMPLATES)) {
            files = all.sorted().toList();
        }
        int rendered = 0;
        for (int round = 0; round < 4000; round++) {
            String source = Files.readString(files.get(random.nextInt(files.size())));
            try {
                Template.parse("damaged", damaged(source, random)).render(variables, Clock.systemUTC());
                rendered++;
            } catch (BowlineException refused) {
                assertTrue(refused.problem().startsWith("damaged, line "), refused.problem());
            }
        }

        assertTrue(rendered > 100, "only %d rendered".formatted(rendered));
    }

    @Test
    void aGenerationBlockInsideAMacroIsKnownToBeLost() {
        Rendering onThePage = render("{% for i in [1] %}a{% generation %}b{% endgeneration %}{% endfor %}");
        Rendering inAMacro = render("{% macro m() %}{% generation %}b{% endgeneration %}{% endmacro %}a{{ m() }}");

        assertEquals(List.of(new Span(1, 2)), onThePage.generations());
        assertEquals(GenerationTracking.COMPLETE, onThePage.generationTracking());
        assertEquals(GenerationTracking.LOST, inAMacro.generationTracking());
    }

    private static String damaged(String source, Random random) {
        StringBuilder damaged = new StringBuilder(source);
        for (int change = random.nextInt(3); change >= 0; change--) {
            int at = random.nextInt(damaged.length());
            int end = Math.min(damaged.length(), at + 1 + random.nextInt(6));
            switch (random.nextInt(4)) {
                case 0 -> damaged.delete(at, end);
                case 1 -> damaged.insert(at, damaged.substring(at, end));
                case 2 -> damaged.setCharAt(at, "{}%()[]'\"|.,-+~:0a \n".charAt(random.nextInt(20)));
                default -> damaged.setLength(at + 1);
            }
        }
        return damaged.toString();
    }

    private static Rendering render(String source) {
        return Template.parse("chat_template.jinja", source).render(Map.of(), Clock.systemUTC());
    }
}
