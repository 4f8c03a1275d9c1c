# Bowline on linux-x86_64 with CPU natives. The build needs a network; the image needs none.
#
#   docker build -t bowline .
#   docker run --rm -v "$PWD":/data bowline finetune recipe.yaml
#
# docs/guides/containers.md has users, memory and read-only file systems.

FROM eclipse-temurin:25-jdk AS build
WORKDIR /opt/bowline
COPY . .
# Builds, unpacks the native libraries, and fails here if they do not load.
RUN BOWLINE_CACHE=/opt/bowline/cache ./bowline generate cli/src/main/resources/demo/model \
        --prompt 'ISO date for 10 September 2079?' --max-new-tokens 8 \
    && rm -rf cli/target/classes cli/target/test-classes cli/target/generated-* cli/target/maven-* \
    && chmod -R a+rwX cache

FROM eclipse-temurin:25-jdk
RUN useradd --uid 10001 --create-home bowline && mkdir /data && chown bowline /data
COPY --from=build /opt/bowline/bowline /opt/bowline/bowline
COPY --from=build /opt/bowline/LICENSE /opt/bowline/LICENSE
COPY --from=build /opt/bowline/.mvn /opt/bowline/.mvn
COPY --from=build /opt/bowline/library/src/main/resources/dev/bowline/platform /opt/bowline/library/src/main/resources/dev/bowline/platform
COPY --from=build /opt/bowline/cli/target /opt/bowline/cli/target
COPY --from=build /opt/bowline/cache /opt/bowline/cache
ENV BOWLINE_BUILD=never \
    BOWLINE_CACHE=/opt/bowline/cache \
    LANG=C.UTF-8 \
    PATH=/opt/bowline:$PATH
USER bowline
WORKDIR /data
ENTRYPOINT ["bowline"]
CMD ["--help"]
