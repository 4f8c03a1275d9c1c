package dev.bowline.text.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A rendering does a bounded amount of work, whichever part of the language a template spends it in.
class RenderBudgetTest {

    /// A hundredth of the usual limits and a time that no test reaches, so that counting alone ends each rendering.
    private static final RenderBudget.Limits SMALL =
            new RenderBudget.Limits(500_000, 1L << 25, 1L << 22, Duration.ofHours(1));

    private static final String DOUBLED = "{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}"
            + "{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}";
    private static final String LONG =
            "{% set ns = namespace(s='a') %}{% for i in range(19) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    private static final String OFTEN = "{% for i in range(9999) %}";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100) }}",
                "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
                DOUBLED + "{{ ns.a == ns.b }}",
                DOUBLED + "{{ ns.a < ns.b }}",
                DOUBLED + "{{ [ns.a, ns.b] | sort }}",
                DOUBLED + "{{ ns.a in [ns.b] }}",
                DOUBLED + "{{ {'k': ns.a} == {'k': ns.b} }}",
                DOUBLED + "{{ ns.a }}",
                DOUBLED + "{{ ns.a | tojson }}",
                DOUBLED + "{{ [ns.a].count(ns.b) }}",
                LONG + OFTEN + "{{ ns.s | count }}{% endfor %}",
                LONG + OFTEN + "{{ ns.s.startswith('b') }}{% endfor %}",
                LONG + OFTEN + "{{ 'b' in ns.s }}{% endfor %}",
                LONG + OFTEN + "{% if ns.s == ns.s ~ 'b' %}{% endif %}{% endfor %}",
                LONG + OFTEN + "{% set t = ns.s[1:] %}{% endfor %}",
                LONG + OFTEN + "{% set t = ns.s | upper %}{% endfor %}",
                LONG + OFTEN + "{% set t = ns.s.strip(ns.s) %}{% endfor %}",
                LONG + OFTEN + "{% set t = ns.s is upper %}{% endfor %}",
                LONG + OFTEN + "{% set t = ns.s.split('a') %}{% endfor %}",
                LONG + OFTEN + "{{ loop.changed(ns.s ~ i) }}{% endfor %}",
                OFTEN + "{% set t = '%999999d' % 1 %}{% endfor %}",
                OFTEN + "{% set t = '{:999999}'.format(1) %}{% endfor %}",
                OFTEN + "{% set t = 'x'.center(999999) %}{% endfor %}",
                OFTEN + "{% set t = [1] * 99999 %}{% endfor %}",
                OFTEN + "{% set t = range(99999) %}{% endfor %}",
                OFTEN + "{% set t = [1] | batch(99999, 0) | list %}{% endfor %}",
                OFTEN + "{% set t = 7 ** 20000 %}{{ t }}{% endfor %}",
                OFTEN + "{% set t = range(9999) | map('string') | select('string') | list %}{% endfor %}",
            })
    void workOfEveryKindIsCounted(String source) {
        BowlineException refused = assertThrows(BowlineException.class, () -> render(source, SMALL));

        assertTrue(
                refused.problem().matches("chat_template.jinja, line 1: it (takes|reads|makes) more than .*"),
                refused.problem());
    }

    @Test
    void aRenderingThatRunsTooLongIsStopped() {
        var noTime = new RenderBudget.Limits(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, Duration.ZERO);

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> render(OFTEN + "{% for j in range(9999) %}{% endfor %}{% endfor %}", noTime));

        assertEquals("chat_template.jinja, line 1: it runs longer than 0.0 s", refused.problem());
    }

    @Test
    void aLongConversationStaysFarBelowTheLimits() {
        Value content = Value.of("a thought and an answer ".repeat(100));
        List<Value> messages = IntStream.range(0, 1000)
                .<Value>mapToObj(i ->
                        Value.mapping(Map.of("role", Value.of(i % 2 == 0 ? "user" : "assistant"), "content", content)))
                .toList();
        String source = """
                {%- set ns = namespace(last=0) -%}
                {%- for message in messages[::-1] -%}
                {%- if ns.last == 0 and message.role == 'user' -%}{%- set ns.last = messages | length - loop.index0 - 1 -%}
                {%- endif -%}{%- endfor -%}
                {%- for message in messages -%}
                {%- set content = message.content | trim -%}
                {%- if '</think>' in content -%}{%- set content = content.split('</think>')[-1] -%}{%- endif -%}
                <|{{ message.role }}|>{{ content.lstrip('\\n') }}
                {%- endfor -%}""";
        var tenth = new RenderBudget.Limits(5_000_000, 1L << 29, 1L << 25, Duration.ofHours(1));

        String text = render(Map.of("messages", Value.list(messages)), source, tenth);

        assertTrue(text.length() > 2_000_000, () -> "length " + text.length());
    }

    @Test
    void aTextOfManyDigitsIsANumberOrNoneInOnePass() {
        String digits = "{% set d = '1' * 300000 %}";

        assertEquals(
                "inf 0.0 0.0 inf 0 0 1.5",
                render(
                        digits
                                + "{{ d | float }} {{ (d ~ 'x') | float }} {{ (d ~ '_') | float }} {{ (d ~ '.5') | float }}"
                                + " {{ d | int }} {{ ('1_' * 300000 ~ '1') | int }} {{ '1_0.5' | float | round(1) / 7 }}",
                        RenderBudget.USUAL));
    }

    @Test
    void aLongTextIsSoughtInALongerOneInOnePass() {
        String texts = "{% set t = 'a' * 400000 %}{% set s = 'a' * 200000 ~ 'b' %}{% set u = t ~ s ~ t ~ s ~ t %}";

        assertEquals(
                "False True 400000 1000001 2 3",
                render(
                        texts + "{{ s in t }} {{ s in u }} {{ u.find(s) }} {{ u.rfind(s) }}"
                                + " {{ u.count(s) }} {{ u.split(s) | length }}",
                        RenderBudget.USUAL));
    }

    @Test
    void roundingToAnyNumberOfPlacesEnds() {
        assertEquals(
                "0 0.0 12345 1.5",
                render(
                        "{{ 12345 | round(-2000000000) }} {{ 1.5 | round(-2000000000) }} {{ 12345 | round(2000000000) }}"
                                + " {{ 1.5 | round(2000000000) }}",
                        RenderBudget.USUAL));
    }

    private static String render(String source, RenderBudget.Limits limits) {
        return render(Map.of(), source, limits);
    }

    private static String render(Map<String, Value> variables, String source, RenderBudget.Limits limits) {
        return Template.parse("chat_template.jinja", source)
                .render(variables, Clock.systemUTC(), limits)
                .text();
    }
}
