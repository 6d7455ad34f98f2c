FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The build runs below, once the sources are there.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
# Temporal's client trusts the system's certificates, of which this image has none: Temporal Cloud would not be reached.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/data ./data
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/syncline
USER node
# syncline.yaml is looked for here; mount it.
WORKDIR /config
ENTRYPOINT ["syncline"]
# /healthz, /readyz, /metrics and /webhooks/NAME.
EXPOSE 8080
CMD ["worker", "--port", "8080"]
