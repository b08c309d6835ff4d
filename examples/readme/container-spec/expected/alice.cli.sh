# swarmgen 0.1.0, config sha256:717a248425feb75bdb8af972926ab9a3054841ddbc80b379fd332dd2819d88d1
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f \
  /usr/local/bin/start-singleuser.sh
