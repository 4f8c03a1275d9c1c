package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.List;

/// Printed text, either to the page or into a value.
final class Output {

    enum Destination {
        PAGE,
        VALUE
    }

    private final Destination destination;
    private final StringBuilder text = new StringBuilder();
    private final List<Span> generations = new ArrayList<>();
    private int openGenerations;

    Output(Destination destination) {
        this.destination = destination;
    }

    void print(String part) {
        Arithmetic.requireLength((long) text.length() + part.length());
        RenderBudget.made(part.length());
        text.append(part);
    }

    /// The start of the body of a generation block.
    int openGeneration() {
        openGenerations++;
        return text.length();
    }

    /// Only the outermost block counts; a block inside it is part of it.
    void closeGeneration(int start) {
        openGenerations--;
        if (openGenerations == 0 && text.length() > start) {
            generations.add(new Span(start, text.length()));
        }
    }

    boolean isPage() {
        return destination == Destination.PAGE;
    }

    String text() {
        return text.toString();
    }

    List<Span> generations() {
        return List.copyOf(generations);
    }
}
