# Production image; docker-compose.yml starts it as web, worker and beat.
FROM node:22-slim AS assets
WORKDIR /assets
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM python:3.11-slim AS packages
RUN python -m venv /opt/tideline
COPY requirements.txt /tmp/
RUN /opt/tideline/bin/pip install --no-cache-dir -r /tmp/requirements.txt

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home tideline \
    && mkdir -p /data && chown tideline /data
COPY --from=packages /opt/tideline /opt/tideline
WORKDIR /app
COPY --from=assets /assets/node_modules node_modules
COPY . .
ENV PATH=/opt/tideline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIDELINE_DATA=/data \
    STATIC_ROOT=/app/collected \
    LOG_FORMAT=json
# The settings want addresses and keys; collecting files uses none of them.
RUN python -m cdp.runtime.translations compile \
    && SECRET_KEY=build ENCRYPTION_KEYS=build DATABASE_URL=postgresql://build/build REDIS_URL=redis://build/0 \
       python manage.py collectstatic --noinput -v0
USER tideline
VOLUME /data
EXPOSE 8000
CMD ["uvicorn", "cdp.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", \
     "--no-access-log", "--timeout-graceful-shutdown", "20"]
