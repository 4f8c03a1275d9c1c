package dev.bowline.text.jinja;

/// One rendering: how much it has done so far, and whether it lost track of a generation block.
final class Run {

    private static final int MAX_ITERATIONS = 20_000_000;
    private static final int MAX_CALL_DEPTH = 150;

    private int iterations;
    private int callDepth;
    private boolean lostGeneration;

    void iterate() {
        if (++iterations > MAX_ITERATIONS) {
            throw new TemplateFailure("its loops ran more than %d times".formatted(MAX_ITERATIONS));
        }
    }

    void enterCall(String what) {
        if (++callDepth > MAX_CALL_DEPTH) {
            throw new TemplateFailure("%s calls itself more than %d deep".formatted(what, MAX_CALL_DEPTH));
        }
    }

    void leaveCall() {
        callDepth--;
    }

    void loseGeneration() {
        lostGeneration = true;
    }

    boolean lostGeneration() {
        return lostGeneration;
    }
}
